"""Objects in files, as streams that tell the end from a failure."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cloudhoard.storage.directory import Directory, sync_if_possible
from cloudhoard.storage.errors import StorageError, StorageUnavailable
from cloudhoard.storage.os_errors import os_errors_as_storage_errors
from cloudhoard.streams import COPY_SIZE, BytesLike

_WRITEBACK_SIZE: Final = 16 << 20
"""Bytes after which the disk is set to work, so that fsync has less to wait for."""
_UNSETTLED_SECONDS: Final = 120
"""Age up to which a name may not be durable: kernels write it out within 30 s."""


class FileSource:
    """The bytes of an open file from its position, as many as it had then."""

    def __init__(self, descriptor: int, size: int, what: str) -> None:
        self._descriptor = descriptor
        self._missing = size
        self._what = what

    def read(self, size: int = -1, /) -> bytes:
        """Return at most size bytes, all that are left when negative.

        Raises:
            StorageUnavailable: the disk failed, or the file has become shorter.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(COPY_SIZE), b""))
        wanted = min(size, self._missing)
        if wanted == 0:
            return b""
        with os_errors_as_storage_errors(f"read {self._what}"):
            block = os.read(self._descriptor, wanted)
        if not block:
            message = f"{self._what} ends {self._missing} bytes too early"
            raise StorageUnavailable(message)
        self._missing -= len(block)
        return block


class FileSink:
    """Writes to an open file, at most so many bytes."""

    def __init__(self, descriptor: int, at_most: int, what: str) -> None:
        self._descriptor = descriptor
        self._at_most = at_most
        self._what = what
        self._size = 0
        self._written_back = 0

    def write(self, data: BytesLike, /) -> int:
        """Take all of data and return its length in bytes.

        Raises:
            StorageError: more than was announced.
            StorageFull, StorageUnavailable: the disk does not take it.
        """
        with memoryview(data).cast("B") as view:
            size = len(view)
            if self._size + size > self._at_most:
                message = (
                    f"{self._what} is more than the {self._at_most} bytes announced"
                )
                raise StorageError(message)
            with os_errors_as_storage_errors(f"write {self._what}"):
                self._write_all(view)
        return size

    def _write_all(self, view: memoryview) -> None:
        written = 0
        while written < len(view):
            written += os.write(self._descriptor, view[written:])
        self._size += written
        fresh = self._size - self._written_back
        if fresh >= _WRITEBACK_SIZE:
            # Dirty pages are not dropped by this advice; writing them is begun.
            advice = os.POSIX_FADV_DONTNEED
            os.posix_fadvise(self._descriptor, self._written_back, fresh, advice)
            self._written_back = self._size


def settle(directory: Directory, descriptor: int, changed: float) -> None:
    """Make durable an object that its writer may have been killed in publishing.

    A caller that finds the object and reports success must not depend on a disk
    cache. Best effort where the file system is mounted read-only.

    Args:
        directory: where its name is.
        descriptor: the object itself.
        changed: when its inode was changed last, in seconds.
    """
    if abs(time.time() - changed) < _UNSETTLED_SECONDS:
        sync_if_possible(descriptor)
        directory.sync()


@contextmanager
def close_on_error(descriptor: int) -> Iterator[None]:
    """Close descriptor if the block is left by an exception, and only then."""
    try:
        yield
    except BaseException:
        os.close(descriptor)
        raise
