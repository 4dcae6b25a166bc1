"""One place in a bucket: names, settings, and requests that several modules make."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from botocore.exceptions import ClientError

from cloudhoard.storage.errors import ObjectNotFound, StorageUnavailable
from cloudhoard.storage.protocol import ObjectInfo
from cloudhoard.storage.s3_client import S3Connection
from cloudhoard.storage.s3_errors import (
    SDK_ERRORS,
    s3_error,
    s3_errors_as_storage_errors,
    status_of,
)
from cloudhoard.storage.s3_options import S3Options, Tags
from cloudhoard.streams import BytesLike

_NOT_FOUND: Final = 404
_HISTORY: Final = ".history"


class S3Bucket:
    """The objects below ``path`` in one bucket."""

    def __init__(
        self, connection: S3Connection, name: str, path: str, options: S3Options
    ) -> None:
        self.client = connection.client
        self.sends_md5 = connection.sends_md5
        self.name = name
        self.path = f"{path}/" if path else ""
        self.options = options
        self.uploads: dict[str, dict[str, str]] = {}
        """Arguments that name each upload in parts that is under way, by its id."""
        base = f"{connection.endpoint}/" if connection.endpoint else "s3://"
        self.location = f"{base}{name}/{self.path}".rstrip("/")

    def at(self, key: str) -> dict[str, str]:
        """The arguments that name an object."""
        return {"Bucket": self.name, "Key": self.path + key}

    def readable(self) -> dict[str, Any]:
        """The arguments without which an object cannot be read, or a part sent."""
        if self.options.customer_key is None:
            return {}
        key = self.options.customer_key
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}

    def storable(self, key: str) -> dict[str, Any]:
        """The arguments that say how an object is to be stored."""
        options = self.options
        found = self.readable()
        if options.encryption is not None:
            found["ServerSideEncryption"] = options.encryption
        if options.kms_key_id is not None:
            found["SSEKMSKeyId"] = options.kms_key_id
        tags = self._tags(key)
        if tags:
            # Not every store takes a plus for a space.
            found["Tagging"] = urlencode(tags, quote_via=quote)
        return found

    def _tags(self, key: str) -> Tags:
        history_tags = self.options.history_tags
        if history_tags is None or _HISTORY not in key.rpartition("/")[2]:
            return self.options.tags
        return history_tags

    def find(self, key: str) -> ObjectInfo | None:
        """Describe an object; None when a HEAD does not find it.

        That is no proof that it is absent: a HEAD says the same of a missing bucket.
        """
        doing = f"look for {key} in {self.location}"
        try:
            answer = self.client.head_object(**self.at(key), **self.readable())
        except SDK_ERRORS as error:
            if isinstance(error, ClientError) and status_of(error) == _NOT_FOUND:
                return None
            raise s3_error(error, doing) from error
        return object_info(key, answer["ContentLength"], answer["LastModified"])

    def encryption_of(self, key: str) -> str | None:
        """Return how the store says that it has encrypted an object."""
        with s3_errors_as_storage_errors(f"look for {key} in {self.location}"):
            answer = self.client.head_object(**self.at(key), **self.readable())
        said: str | None = answer.get("ServerSideEncryption")
        return said

    def require(self, key: str) -> ObjectInfo:
        """Describe an object.

        Raises:
            ObjectNotFound: the store answered with authority that it is absent.
        """
        found = self.find(key)
        if found is not None:
            return found
        # Only the answer to a GET says what is missing, the object or the bucket.
        doing = f"look for {key} in {self.location}"
        with s3_errors_as_storage_errors(doing):
            answer = self.client.get_object(**self.at(key), **self.readable())
            answer["Body"].close()
        return object_info(key, answer["ContentLength"], answer["LastModified"])

    def holds(
        self, key: str, size: int, pieces: Iterable[tuple[int, BytesLike]]
    ) -> bool | None:
        """Tell whether an object has size bytes, and these pieces at their offsets.

        None: there is no object.
        """
        doing = f"read {key} back from {self.location}"
        try:
            return self.require(key).size == size and all(
                self._holds(key, offset, piece, doing)
                for offset, piece in pieces
                if len(piece)
            )
        except ObjectNotFound:
            return None

    def _holds(self, key: str, offset: int, piece: BytesLike, doing: str) -> bool:
        last = offset + len(piece) - 1
        place = {**self.at(key), **self.readable(), "Range": f"bytes={offset}-{last}"}
        with s3_errors_as_storage_errors(doing), memoryview(piece) as expected:
            body = self.client.get_object(**place)["Body"]
            try:
                position = 0
                while block := body.read(1 << 20):
                    end = position + len(block)
                    if expected[position:end] != block:
                        return False
                    position = end
            finally:
                body.close()
            return position == len(expected)


def object_info(key: str, size: int, modified: datetime) -> ObjectInfo:
    """Return what an answer says; a listing has milliseconds, a HEAD has not."""
    if modified.tzinfo is None:
        raise StorageUnavailable(f"the store gives no time zone for {key}")
    return ObjectInfo(key, size, modified.astimezone(UTC).replace(microsecond=0))
