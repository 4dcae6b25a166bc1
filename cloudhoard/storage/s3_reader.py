"""Reading an object, past connections that break off."""

import logging
import time
from contextlib import suppress
from typing import Any, Final

from botocore.exceptions import ClientError

from cloudhoard.storage.errors import StorageUnavailable
from cloudhoard.storage.s3_bucket import S3Bucket
from cloudhoard.storage.s3_errors import SDK_ERRORS, code_of, s3_error

_ATTEMPTS: Final = 5
"""Answers in a row that may end before they have brought a single byte."""
_OUT_OF_RANGE: Final = "InvalidRange"
_PARTIAL: Final = 206

_log = logging.getLogger(__name__)


class S3Source:
    """The bytes of one object from offset, for length bytes or to its end.

    An answer that breaks off is asked for again from where it did, and only of the
    very same object.
    """

    def __init__(
        self, bucket: S3Bucket, key: str, offset: int, length: int | None
    ) -> None:
        """Send the request.

        Raises:
            StorageError: as ``Storage.open_read``.
        """
        self._bucket = bucket
        self._key = key
        self._doing = f"read {key} from {bucket.location}"
        self._position = offset
        self._end = offset
        self._etag: str | None = None
        self._body: Any = None
        try:
            self._open_first(offset, length)
        except SDK_ERRORS as error:
            # There is nothing behind the end of an object, and nothing in an empty one.
            if not isinstance(error, ClientError) or code_of(error) != _OUT_OF_RANGE:
                raise s3_error(error, self._doing) from error

    def _open_first(self, offset: int, length: int | None) -> None:
        # A range of no bytes cannot be asked for.
        last = "" if length is None else str(offset + max(length, 1) - 1)
        is_whole = offset == 0 and length is None
        answer = self._get({} if is_whole else {"Range": f"bytes={offset}-{last}"})
        self._etag = answer.get("ETag")
        size = self._check_answer(answer, offset, is_whole=is_whole)
        self._end = offset + (size if length is None else min(size, length))

    def _get(self, arguments: dict[str, str]) -> Any:
        bucket = self._bucket
        place = {**bucket.at(self._key), **bucket.readable()}
        answer = bucket.client.get_object(**place, **arguments)
        self._body = answer["Body"]
        return answer

    def _check_answer(self, answer: Any, offset: int, *, is_whole: bool) -> int:
        """Return the length of the answer, which begins at offset."""
        length = answer.get("ContentLength")
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        begins = str(answer.get("ContentRange") or f"bytes {offset}-")
        is_right = begins.startswith(f"bytes {offset}-") and (
            is_whole or status == _PARTIAL or offset == 0
        )
        if length is None or not is_right:
            message = f"cannot {self._doing}: the answer is not what was asked for"
            raise StorageUnavailable(message, hint="is there a proxy in between?")
        return int(length)

    def read(self, size: int = -1, /) -> bytes:
        """Return at most size bytes, b"" only at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        wanted = min(size, self._end - self._position)
        if wanted <= 0:
            return b""
        block = self._read(wanted)
        self._position += len(block)
        if self._position == self._end:
            self._finish()
        return block

    def _read(self, wanted: int) -> bytes:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                if self._body is None:
                    self._open_again()
                block: bytes = self._body.read(wanted)
            except SDK_ERRORS as error:
                self.close()
                meant = s3_error(error, self._doing)
                is_lasting = not isinstance(meant, StorageUnavailable)
                if is_lasting or attempt == _ATTEMPTS:
                    raise StorageUnavailable(meant.message, hint=meant.hint) from error
                _log.info("%s at byte %d; again", meant, self._position)
            else:
                if block:
                    return block
                self.close()  # it ended early
            time.sleep(0.1 * 2**attempt)
        message = f"cannot {self._doing}: the answer ends before the object does"
        raise StorageUnavailable(message)

    def _open_again(self) -> None:
        asked = {"Range": f"bytes={self._position}-{self._end - 1}"}
        if self._etag is not None:
            asked["IfMatch"] = self._etag
        answer = self._get(asked)
        if answer.get("ETag") != self._etag:
            message = f"cannot {self._doing}: the object was replaced meanwhile"
            raise StorageUnavailable(message)
        self._check_answer(answer, self._position, is_whole=False)

    def _finish(self) -> None:
        """Take the end of the answer, where the SDK compares the checksum."""
        try:
            if self._body is not None and self._position > 0:
                self._body.read(1)
        except SDK_ERRORS as error:
            raise s3_error(error, self._doing) from error
        finally:
            self.close()

    def close(self) -> None:
        """Give the connection back."""
        body, self._body = self._body, None
        if body is not None:
            with suppress(*SDK_ERRORS):
                body.close()
