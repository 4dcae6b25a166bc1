"""Files that appear whole or not at all.

The bytes go to a temporary name beside the file. That name is always the same, so
that a killed writer leaves one file behind at most, which the next one takes over;
an exclusive lock on it keeps two living writers apart.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from cloudhoard.durable import fsync_directory

TEMPORARY_SUFFIX: Final = ".cloudhoard-tmp"

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def atomic_file(path: Path, *, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A file open for reading and writing that becomes path when the block ends.

    It is then durable, has the permissions mode whatever the umask, and has replaced
    what was there. Leaving the block by an exception leaves path as it was, and
    nothing beside it.

    Raises:
        OSError: the file cannot be written; path is as it was.
    """
    temporary, descriptor = _open_temporary(path, mode)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    fsync_directory(path.parent)


def _open_temporary(path: Path, mode: int) -> tuple[Path, int]:
    """The name and descriptor of an empty file that nobody else writes to."""
    usual = path.with_name(path.name + TEMPORARY_SUFFIX)
    descriptor = _open_locked(usual, mode)
    if descriptor is not None:
        return usual, descriptor
    other = path.with_name(f"{path.name}.{os.urandom(8).hex()}{TEMPORARY_SUFFIX}")
    descriptor = os.open(other, _FLAGS | os.O_EXCL, mode)
    os.fchmod(descriptor, mode)
    return other, descriptor


def _open_locked(path: Path, mode: int) -> int | None:
    """Open path emptied and locked; None while somebody else writes to it."""
    descriptor = os.open(path, _FLAGS, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still_named(path, descriptor):
            os.ftruncate(descriptor, 0)
            os.fchmod(descriptor, mode)
            return descriptor
    except BlockingIOError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_still_named(path: Path, descriptor: int) -> bool:
    """Whether path is the open file still, and not renamed away by its last writer."""
    opened = os.fstat(descriptor)
    try:
        named = path.lstat()
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
