"""A new object on its way into a bucket: one request, or parts of equal size."""

import logging
import threading
from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from cloudhoard.storage.errors import ObjectExists, StorageError, StorageUnavailable
from cloudhoard.storage.s3_bucket import S3Bucket
from cloudhoard.storage.s3_conditions import Conditions
from cloudhoard.storage.s3_errors import (
    DAMAGED_ON_THE_WAY,
    SDK_ERRORS,
    code_of,
    s3_error,
    status_of,
    was_retried,
)
from cloudhoard.storage.s3_parts import S3Parts, content_md5
from cloudhoard.storage.s3_unfinished import drop_uploads_of
from cloudhoard.streams import BytesLike

_WITNESS_SIZE: Final = 1 << 16
"""Bytes at either end by which a large object is recognised as ours."""
_COMMITS: Final = 3
"""How often a commit is sent when the store asks for another."""
_EXISTS: Final = 412
_CONFLICT: Final = 409
_NEVER_SENT: Final = (ConnectTimeoutError, EndpointConnectionError)

_log = logging.getLogger(__name__)


class S3Upload:
    """The sink of one object, and its commit."""

    def __init__(
        self,
        bucket: S3Bucket,
        key: str,
        *,
        at_most: int,
        conditions: Conditions | None,
        slots: threading.BoundedSemaphore,
    ) -> None:
        """Begin; nothing is sent yet.

        conditions make sure that nothing is overwritten; None overwrites.
        """
        self._bucket = bucket
        self._key = key
        self._at_most = at_most
        self._conditions = conditions
        self._slots = slots
        self._size = 0
        self._head = b""
        self._tail = b""
        self._parts: S3Parts | None = None
        self._buffer_size = bucket.options.buffer_size(at_most)
        self._buffer = bytearray(self._buffer_size)
        self._filled = 0
        self._doing = f"write {key} to {bucket.location}"

    def write(self, data: BytesLike, /) -> int:
        """Take all of data; full parts are sent while it goes on."""
        with memoryview(data) as given, given.cast("B") as view:
            total = len(view)
            if self._size + total > self._at_most:
                message = f"{self._key} is larger than the {self._at_most} bytes"
                raise StorageError(f"{message} announced")
            position = 0
            while position < total:
                if self._filled == self._buffer_size:
                    self._send_part()
                    self._buffer = bytearray(self._buffer_size)
                room = self._buffer_size - self._filled
                piece = view[position : position + room]
                end = self._filled + len(piece)
                self._buffer[self._filled : end] = piece
                self._filled = end
                position += len(piece)
            self._size += total
        return total

    def _send_part(self) -> None:
        if self._parts is None:
            if self._conditions is not None:
                self._conditions.look(self._bucket, self._key)
            self._parts = S3Parts(self._bucket, self._key, self._slots)
            self._head = bytes(self._buffer[:_WITNESS_SIZE])
        body = self._buffer
        del body[self._filled :]
        self._tail = (self._tail + body[-_WITNESS_SIZE:])[-_WITNESS_SIZE:]
        self._filled = 0
        self._buffer = bytearray()
        self._parts.send(body)

    def commit(self) -> None:
        """Have the object in the bucket, whole, when this returns.

        Raises:
            ObjectExists: the key is taken, by something else than what was written.
            StorageUnavailable: whether the object is there is not known.
        """
        if self._parts is None:
            del self._buffer[self._filled :]
        else:
            self._send_part()
        try:
            self._commit()
        except BaseException:
            self.abandon()
            raise
        if self._parts is not None:
            drop_uploads_of(self._bucket, self._key)

    def abandon(self) -> None:
        """Store nothing."""
        if self._parts is not None:
            self._parts.abort()

    def _commit(self) -> None:
        for attempt in range(1, _COMMITS + 1):
            if self._conditions is not None:
                in_parts = self._parts is not None
                self._conditions.look(self._bucket, self._key, in_parts=in_parts)
            try:
                self._check_encryption(self._send())
            except SDK_ERRORS as error:
                if self._settle(error, may_repeat=attempt < _COMMITS):
                    return
            else:
                return

    def _send(self) -> Any:
        headers = self._conditions.headers if self._conditions is not None else {}
        if self._parts is not None:
            return self._parts.complete(headers)
        body = self._buffer
        md5 = {"ContentMD5": content_md5(body)} if self._bucket.sends_md5 else {}
        bucket = self._bucket
        place, settings = bucket.at(self._key), bucket.storable(self._key)
        return bucket.client.put_object(
            **place, **settings, **headers, **md5, Body=body
        )

    def _settle(self, error: Exception, *, may_repeat: bool) -> bool:
        """Find out what became of a commit that was answered by error.

        True: the object is stored after all. False: the commit is to be sent again.
        """
        status, code = status_of(error), code_of(error)
        if self._conditions is not None and self._conditions.are_refused(error):
            return False
        if may_repeat and code in DAMAGED_ON_THE_WAY and self._parts is None:
            return False
        if status == _EXISTS and not was_retried(error):
            raise self._exists() from error
        return self._read_back(error, may_repeat=may_repeat)

    def _read_back(self, error: Exception, *, may_repeat: bool) -> bool:
        status, code = status_of(error), code_of(error)
        meant = s3_error(error, self._doing)
        may_be_stored = (
            status in {_EXISTS, _CONFLICT}
            or code == "NoSuchUpload"
            or (isinstance(meant, StorageUnavailable) and status not in {400, 501})
        )
        if not may_be_stored or isinstance(error, _NEVER_SENT):
            raise meant from error
        try:
            is_ours = self._bucket.holds(self._key, self._size, self._evidence())
        except StorageError as unreadable:
            _log.info("%s cannot be read back: %s", self._key, unreadable)
            raise meant from error
        if is_ours:
            _log.info("%s is stored after all: %s", self._key, code)
            return True
        if is_ours is False and self._conditions is not None:
            raise self._exists() from error
        is_repeatable = may_repeat and self._parts is None
        if is_ours is None and status == _CONFLICT and is_repeatable:
            return False
        raise meant from error

    def _evidence(self) -> Sequence[tuple[int, BytesLike]]:
        if self._parts is None:
            return [(0, self._buffer)]
        return [(0, self._head), (self._size - len(self._tail), self._tail)]

    def _exists(self) -> ObjectExists:
        return ObjectExists(f"{self._key} is already in {self._bucket.location}")

    def _check_encryption(self, answer: Any) -> None:
        """Some stores take the wish for encryption and do nothing about it."""
        wanted = self._bucket.options.encryption
        if wanted is None:
            return
        done = answer.get("ServerSideEncryption")
        if self._parts is not None and done != wanted:
            # Not every store says it when parts begin, or when they are put together.
            done = self._parts.encryption or self._bucket.encryption_of(self._key)
        if done != wanted:
            self._take_back()
            raise StorageError(
                f"the store did not encrypt {self._key} in {self._bucket.location}",
                hint=f"it does not know --encryption {wanted}; use --public-key",
            )

    def _take_back(self) -> None:
        """Delete what is stored otherwise than asked: the next try would be content."""
        if self._conditions is None:
            return  # something else had that key before
        try:
            self._bucket.client.delete_object(**self._bucket.at(self._key))
        except SDK_ERRORS as error:
            _log.warning("%s is left unencrypted: %s", self._key, code_of(error))
