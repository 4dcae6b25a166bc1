"""The parts of one large object, sent by threads of their own."""

import base64
import hashlib
import logging
import threading
from typing import Any, Final

from botocore.exceptions import ClientError

from cloudhoard.storage.s3_bucket import S3Bucket
from cloudhoard.storage.s3_errors import (
    DAMAGED_ON_THE_WAY,
    SDK_ERRORS,
    code_of,
    s3_errors_as_storage_errors,
)

_log = logging.getLogger(__name__)

_SENDINGS: Final = 3
"""How often a part is sent that is damaged on its way."""
_PATIENCE: Final = 10
"""Seconds that giving up may take; what hangs longer is left to the next run."""
_LAST_PATIENCE: Final = 5
"""Seconds for what threads are still at as the storage is closed."""


def content_md5(body: bytearray) -> str:
    """Return a Content-MD5; every S3 compares it, the newer checksums only some."""
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


class S3Parts:
    """A multipart upload, from its beginning to its end or its abortion.

    Threads are daemons: a process that has to end does not wait for a store that
    hangs.
    """

    def __init__(
        self, bucket: S3Bucket, key: str, slots: threading.BoundedSemaphore
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._slots = slots
        self._threads: list[threading.Thread] = []
        self._etags: dict[int, str] = {}
        self._failure: BaseException | None = None
        self._doing = f"write {key} to {bucket.location}"
        with s3_errors_as_storage_errors(self._doing):
            self._answer = bucket.client.create_multipart_upload(
                **bucket.at(key), **bucket.storable(key)
            )
        self._place = {**bucket.at(key), "UploadId": self._answer["UploadId"]}
        bucket.uploads[self._place["UploadId"]] = self._place

    @property
    def encryption(self) -> str | None:
        """The encryption that the store says it does."""
        said: str | None = self._answer.get("ServerSideEncryption")
        return said

    def send(self, body: bytearray) -> None:
        """Have a part sent; waits while too many are.

        Raises:
            StorageError: a part could not be sent, this one or one before.
        """
        self._slots.acquire()
        try:
            self._raise_failure()
            number = len(self._threads) + 1
            thread = threading.Thread(
                target=self._send, args=(number, body), daemon=True
            )
            thread.start()
            self._threads.append(thread)
        except BaseException:
            self._slots.release()
            raise

    def complete(self, conditions: dict[str, str]) -> Any:
        """Return the store's answer to the commit, or raise what the SDK does.

        Raises:
            StorageError: a part could not be sent.
        """
        for thread in self._threads:
            thread.join()
        self._raise_failure()
        parts = [
            {"PartNumber": number, "ETag": etag}
            for number, etag in sorted(self._etags.items())
        ]
        answer = self._bucket.client.complete_multipart_upload(
            **self._place,
            **self._bucket.readable(),
            **conditions,
            MultipartUpload={"Parts": parts},
        )
        self._bucket.uploads.pop(self._place["UploadId"], None)
        return answer

    def abort(self) -> None:
        """Have the store drop what was sent, if it answers soon."""
        self._failure = self._failure or InterruptedError("given up")
        self._bucket.uploads.pop(self._place["UploadId"], None)
        helper = threading.Thread(target=self._abort, daemon=True)
        helper.start()
        helper.join(_PATIENCE)

    def _abort(self) -> None:
        # Parts that are on their way may take longer than there is time, and what
        # arrives after an abortion may stay.
        drop_upload(self._bucket, self._place)
        for thread in self._threads:
            thread.join()
        drop_upload(self._bucket, self._place)

    def _send(self, number: int, body: bytearray) -> None:
        try:
            if self._failure is not None:
                return
            with s3_errors_as_storage_errors(self._doing):
                answer = self._upload(number, body)
            self._etags[number] = answer["ETag"]
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._failure = self._failure or error
        finally:
            self._slots.release()

    def _upload(self, number: int, body: bytearray) -> Any:
        bucket = self._bucket
        md5 = {"ContentMD5": content_md5(body)} if bucket.sends_md5 else {}
        part = {**self._place, **bucket.readable(), **md5, "PartNumber": number}
        for _ in range(_SENDINGS - 1):
            try:
                return bucket.client.upload_part(**part, Body=body)
            except ClientError as error:
                if code_of(error) not in DAMAGED_ON_THE_WAY:
                    raise
        return bucket.client.upload_part(**part, Body=body)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def drop_open_uploads(bucket: S3Bucket) -> None:
    """Abort what threads that did not end in time are still sending."""
    places = tuple(bucket.uploads.values())
    if not places:
        return

    def drop_all() -> None:
        for place in places:
            drop_upload(bucket, place)

    helper = threading.Thread(target=drop_all, daemon=True)
    helper.start()
    helper.join(_LAST_PATIENCE)


def drop_upload(bucket: S3Bucket, place: dict[str, str]) -> None:
    """Abort an upload; that it cannot be done is not worth an error."""
    try:
        bucket.client.abort_multipart_upload(**place)
    except SDK_ERRORS as error:
        _log.info("the upload of %s is left unfinished: %s", place["Key"], error)
