"""Open directories, and what lies below them, reached without following links.

Everything goes by descriptors: what is seen and changed through one descriptor is
seen and changed in one file system, whatever is mounted or moved meanwhile.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cloudhoard.storage.errors import StorageUnavailable

_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_MODE: Final = 0o700


class Directory:
    """An open directory; leaving its with-block closes it."""

    def __init__(self, descriptor: int, path: str) -> None:
        self.descriptor = descriptor
        self.path = path

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the directory at path; links in the path are followed."""
        return cls(os.open(path, _FLAGS), path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)

    def child(self, name: str, *, may_be_mounted: bool = False) -> "Directory":
        """Open the directory name in this one.

        Raises:
            FileNotFoundError, NotADirectoryError: there is no such directory.
            StorageUnavailable: it is a link, or the root of another file system,
                which would look empty, not missing, while it is not mounted.
        """
        path = f"{self.path}/{name}"
        try:
            descriptor = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR}:
                self._refuse_link(name)
            raise
        child = Directory(descriptor, path)
        if not may_be_mounted and child.device != self.device:
            child.close()
            message = f"{path} is a file system of its own inside the archive"
            hint = "mount the whole archive's directory, not one inside it"
            raise StorageUnavailable(message, hint=hint)
        return child

    def descend(
        self, names: Iterable[str], *, may_be_mounted: bool = False
    ) -> "Directory":
        """Open the directory that the names lead to; with none, this one again.

        Raises as child.
        """
        current = Directory(os.dup(self.descriptor), self.path)
        for name in names:
            with current:
                current = current.child(name, may_be_mounted=may_be_mounted)
        return current

    def make_child(self, name: str, *, may_be_mounted: bool = False) -> "Directory":
        """Open the directory name in this one, made with mode 0700 if it is missing.

        Raises as child; FileNotFoundError when it was removed at once.
        """
        try:
            return self.child(name, may_be_mounted=may_be_mounted)
        except FileNotFoundError:
            pass
        try:
            os.mkdir(name, _MODE, dir_fd=self.descriptor)
        except FileExistsError:  # another writer was faster
            pass
        else:
            self._allow_owner(name)
        return self.child(name)

    @property
    def device(self) -> int:
        """Number of the file system it is in."""
        return os.fstat(self.descriptor).st_dev

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """Everything in it, in no order."""
        with os.scandir(self.descriptor) as entries:
            yield from entries

    def status(self, name: str) -> os.stat_result | None:
        """Describe the regular file name; None when there is none.

        Raises:
            StorageUnavailable: it is a link, a device or the like.
        """
        try:
            status = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return self._only_regular(name, status)

    def open_file(self, name: str) -> tuple[int, os.stat_result] | None:
        """Open the regular file name for reading; None when there is none.

        Raises as status.
        """
        try:
            descriptor = os.open(name, _READ_FLAGS, dir_fd=self.descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENXIO}:  # ENXIO: a socket
                self.status(name)
            raise
        try:
            status = self._only_regular(name, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        if status is None:
            os.close(descriptor)
            return None
        return descriptor, status

    def sync(self) -> None:
        """Make its names durable.

        Raises:
            OSError: as fsync(2); the change must then be taken as not made.
        """
        sync_if_possible(self.descriptor)

    def _only_regular(self, name: str, status: os.stat_result) -> os.stat_result | None:
        if stat.S_ISREG(status.st_mode):
            return status
        if stat.S_ISDIR(status.st_mode):
            return None
        what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "a special file"
        message = f"{self.path}/{name} is {what}, not an object"
        raise StorageUnavailable(message, hint="links in an archive are not followed")

    def _refuse_link(self, name: str) -> None:
        self.status(name)

    def _allow_owner(self, name: str) -> None:
        """Give a new directory the mode that the umask may have taken from it."""
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=self.descriptor)
        try:
            if os.fstat(descriptor).st_mode & 0o777 != _MODE:
                # fchmod(2) refuses an O_PATH descriptor; its name in /proc works.
                Path(f"/proc/self/fd/{descriptor}").chmod(_MODE)
        finally:
            os.close(descriptor)


def sync_if_possible(descriptor: int) -> None:
    """Make durable what is open, if its file system has anything to do for that.

    Raises:
        OSError: as fsync(2).
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        # fsync(2): what is open "does not support synchronization".
        if error.errno not in {errno.EINVAL, errno.EROFS}:
            raise
