"""Files that nobody lists until they are published, and their removal after a crash.

A writer holds a lock on its file for as long as it lives; the kernel lets go of it
when the writer is killed. So a file whose lock can be had is nobody's.
"""

import errno
import fcntl
import logging
import os
import time
from typing import Final

from cloudhoard.storage.directory import Directory

_MARK: Final = "~"  # no key holds one
_TOKEN_SIZE: Final = 16  # random hexadecimal digits after the mark
_MODE: Final = 0o600
_NO_LOCKS: Final = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_SURELY_DEAD_SECONDS: Final = 24 * 3600
"""Age from which an unfinished file goes where a file system has no locks."""

_log = logging.getLogger(__name__)


class TemporaryFile:
    """A new file in a directory, under a name that is no key; 0600."""

    def __init__(self, directory: Directory, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor = descriptor
        self._directory = directory

    @classmethod
    def create(cls, directory: Directory, name: str) -> "TemporaryFile":
        """Return a new empty file that will become name.

        Raises:
            OSError: as open(2).
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            chosen = f".{name}{_MARK}{os.urandom(_TOKEN_SIZE // 2).hex()}"
            descriptor = os.open(chosen, flags, _MODE, dir_fd=directory.descriptor)
            file = cls(directory, chosen, descriptor)
            try:
                file._set_mode()
                if _is_mine_alone(descriptor):
                    return file
            except BaseException:
                file.remove()
                raise
            os.close(descriptor)  # swept away before it was locked

    def remove(self) -> None:
        """Close it and take its temporary name away, if that is still there."""
        try:
            os.unlink(self.name, dir_fd=self._directory.descriptor)
        except FileNotFoundError:
            pass
        except OSError as error:  # must not hide why it was given up; swept later
            _log.warning("%s is left: %s", self._path, error.strerror)
        finally:
            os.close(self.descriptor)

    @property
    def _path(self) -> str:
        return f"{self._directory.path}/{self.name}"

    def _set_mode(self) -> None:
        if os.fstat(self.descriptor).st_mode & 0o777 == _MODE:
            return
        try:
            os.fchmod(self.descriptor, _MODE)
        except PermissionError:  # FAT and its like have no modes
            _log.warning("%s cannot have mode 0600", self._path)


def sweep(directory: Directory) -> None:
    """Remove what killed writers left in directory; never what a living one writes."""
    leftovers = [entry.name for entry in directory.entries() if _is_temporary(entry)]
    for name in leftovers:
        try:
            _remove_if_dead(directory, name)
        except OSError as error:  # another user's, or gone: not ours to fail on
            _log.debug("%s/%s: %s", directory.path, name, error.strerror)


def _is_temporary(entry: os.DirEntry[str]) -> bool:
    name, mark, token = entry.name.rpartition(_MARK)
    return bool(mark) and name.startswith(".") and len(token) == _TOKEN_SIZE


def _remove_if_dead(directory: Directory, name: str) -> None:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(name, flags, dir_fd=directory.descriptor)
    try:
        locked = _try_lock(descriptor)
        if locked is None:
            age = time.time() - os.fstat(descriptor).st_mtime
            locked = age > _SURELY_DEAD_SECONDS
        if locked:
            os.unlink(name, dir_fd=directory.descriptor)
            _log.info("removed unfinished %s/%s", directory.path, name)
    finally:
        os.close(descriptor)


def _is_mine_alone(descriptor: int) -> bool:
    """Lock a file just made; false when a sweeper had it first."""
    return _try_lock(descriptor) is not False and os.fstat(descriptor).st_nlink > 0


def _try_lock(descriptor: int) -> bool | None:
    """Tell whether the lock was to be had; None where there are no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True
