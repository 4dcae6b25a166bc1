"""Deleting objects: a thousand a request, or one by one where that is refused."""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

from botocore.exceptions import ClientError

from cloudhoard.errors import CloudHoardError
from cloudhoard.storage.errors import ContainerNotFound, StorageError
from cloudhoard.storage.s3_bucket import S3Bucket
from cloudhoard.storage.s3_errors import (
    SDK_ERRORS,
    code_of,
    s3_error,
    s3_errors_as_storage_errors,
)

_A_REQUEST: Final = 1000
_THREADS: Final = 8
_GONE: Final = "NoSuchKey"
_ELSEWHERE: Final = (ContainerNotFound,)

_log = logging.getLogger(__name__)


class S3Deletion:
    """Deletes keys of a bucket, and remembers what the store can do."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._in_bulk = True

    def delete(self, keys: Iterable[str]) -> None:
        """Delete all keys that are there.

        Raises:
            StorageError: some could not be deleted; the message names the first.
        """
        left = iter(keys)
        while batch := list(islice(left, _A_REQUEST)):
            # One key needs no list, which not every store and policy takes.
            if len(batch) == 1 or not (self._in_bulk and self._delete_all(batch)):
                self._delete_each(batch)

    def _delete_all(self, keys: Sequence[str]) -> bool:
        """Delete keys by one request; false when the store does not take it."""
        bucket = self._bucket
        named = [{"Key": bucket.path + key} for key in keys]
        doing = f"delete {len(keys)} objects in {bucket.location}"
        try:
            answer = bucket.client.delete_objects(
                Bucket=bucket.name, Delete={"Objects": named, "Quiet": True}
            )
        except SDK_ERRORS as error:
            meant = s3_error(error, doing)
            if not isinstance(error, ClientError) or isinstance(meant, _ELSEWHERE):
                raise meant from error
            _log.info("deleting one by one: %s", meant)
            self._in_bulk = False
            return False
        self._raise_failed(answer, len(keys))
        return True

    def _raise_failed(self, answer: Any, number: int) -> None:
        failed = [e for e in answer.get("Errors", []) if e.get("Code") != _GONE]
        if not failed:
            return
        first = failed[0]
        key = str(first.get("Key", "")).removeprefix(self._bucket.path)
        answered = {"Error": {"Code": first.get("Code", "unknown"), **first}}
        error = ClientError(answered, "DeleteObjects")  # type: ignore[arg-type]
        what = f"delete {key} ({len(failed)} of {number} objects)"
        raise s3_error(error, f"{what} in {self._bucket.location}")

    def _delete_each(self, keys: Sequence[str]) -> None:
        with ThreadPoolExecutor(min(_THREADS, len(keys))) as threads:
            failures = [error for error in threads.map(self._delete_one, keys) if error]
        if failures:
            if len(failures) == 1:
                raise failures[0]
            message = f"{failures[0].message} (and {len(failures) - 1} more)"
            raise type(failures[0])(message, hint=failures[0].hint)

    def _delete_one(self, key: str) -> CloudHoardError | None:
        doing = f"delete {key} in {self._bucket.location}"
        try:
            with s3_errors_as_storage_errors(doing):
                self._bucket.client.delete_object(**self._bucket.at(key))
        except (StorageError, CloudHoardError) as error:
            cause = error.__cause__
            is_gone = cause is not None and code_of(cause) == _GONE
            return None if is_gone else error
        return None
