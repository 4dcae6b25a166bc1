"""Objects in a bucket of S3, or of a store that speaks like it.

Nothing is asked about the bucket itself. See docs/storage.md for what compatibles
lack and what is done about it.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cloudhoard.storage.errors import StorageUnavailable
from cloudhoard.storage.object_key import check_key, check_prefix, is_key_component
from cloudhoard.storage.protocol import ObjectInfo
from cloudhoard.storage.s3_bucket import S3Bucket, object_info
from cloudhoard.storage.s3_client import connect
from cloudhoard.storage.s3_conditions import Conditions
from cloudhoard.storage.s3_deletion import S3Deletion
from cloudhoard.storage.s3_errors import s3_errors_as_storage_errors
from cloudhoard.storage.s3_options import S3Options
from cloudhoard.storage.s3_parts import drop_open_uploads
from cloudhoard.storage.s3_reader import S3Source
from cloudhoard.storage.s3_unfinished import drop_abandoned_uploads
from cloudhoard.storage.s3_upload import S3Upload
from cloudhoard.streams import ByteSink, ByteSource

_log = logging.getLogger(__name__)


class S3Storage:
    """A storage below ``bucket/path``."""

    def __init__(
        self, bucket: str, path: str = "", options: S3Options | None = None
    ) -> None:
        options = options or S3Options()
        self._bucket = S3Bucket(connect(options, bucket), bucket, path, options)
        self._conditions = Conditions()
        self._deletion = S3Deletion(self._bucket)
        self._slots = threading.BoundedSemaphore(options.parts_in_flight)

    @property
    def location(self) -> str:
        return self._bucket.location

    def stat(self, key: str) -> ObjectInfo:
        return self._bucket.require(check_key(key))

    @contextmanager
    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[ByteSource]:
        source = S3Source(self._bucket, check_key(key), offset, length)
        try:
            yield source
        finally:
            source.close()

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        path = self._bucket.path
        if start_after > check_prefix(prefix) and not start_after.startswith(prefix):
            self.check_access()
            return  # all keys with that prefix come before
        for page in self._pages(path + prefix, path + start_after):
            for found in page.get("Contents", []):
                key = found["Key"].removeprefix(path)
                if key <= start_after:
                    continue
                if all(map(is_key_component, key.split("/"))):
                    yield object_info(key, found["Size"], found["LastModified"])
                else:
                    _log.debug("not an object of ours: %r", key)

    def _pages(self, prefix: str, start_after: str) -> Iterator[Any]:
        place: dict[str, Any] = {"Bucket": self._bucket.name, "Prefix": prefix}
        doing = f"list {prefix.removeprefix(self._bucket.path)}* in {self.location}"
        # Some stores refuse, or misread, one that does not lie below the prefix.
        position = {"StartAfter": start_after} if start_after > prefix else {}
        while True:
            with s3_errors_as_storage_errors(doing):
                page = self._bucket.client.list_objects_v2(**place, **position)
            yield page
            if not page.get("IsTruncated"):
                return
            token = page.get("NextContinuationToken")
            if not token:
                message = f"cannot {doing}: the listing breaks off"
                raise StorageUnavailable(message)
            position = {"ContinuationToken": token}

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        upload = S3Upload(
            self._bucket,
            check_key(key),
            at_most=at_most,
            conditions=None if overwrite else self._conditions,
            slots=self._slots,
        )
        try:
            yield upload
        except BaseException:
            upload.abandon()
            raise
        upload.commit()

    def delete_objects(self, keys: Iterable[str]) -> None:
        self._deletion.delete(map(check_key, keys))

    def trust_conditions(self, *, honoured: bool) -> None:
        self._conditions.trust(honoured=honoured)

    def drop_unfinished(self, prefix: str) -> None:
        drop_abandoned_uploads(self._bucket, check_prefix(prefix))

    def check_access(self) -> None:
        place = {"Bucket": self._bucket.name, "Prefix": self._bucket.path}
        with s3_errors_as_storage_errors(f"list {self.location}"):
            self._bucket.client.list_objects_v2(**place, MaxKeys=1)

    def close(self) -> None:
        drop_open_uploads(self._bucket)
        self._bucket.client.close()
