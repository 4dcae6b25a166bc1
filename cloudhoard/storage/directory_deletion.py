"""Take files out of a directory, durably, and the directories that they leave empty."""

import contextlib
import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Final

from cloudhoard.storage.directory import Directory
from cloudhoard.storage.temporary_file import sweep

_STILL_NEEDED: Final = {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY}


def delete_files(root: Directory, names: Sequence[str], files: Iterable[str]) -> bool:
    """Delete files of one directory; tell whether all of them were there.

    Args:
        root: the archive's directory, which is kept.
        names: the directories that lead from root to the files.
        files: their names.

    Raises:
        OSError, StorageUnavailable: something may be left.
    """
    with ExitStack() as stack:
        path = [root]
        try:
            for name in names:
                path.append(stack.enter_context(path[-1].child(name)))
        except (FileNotFoundError, NotADirectoryError):
            return False
        all_found = True
        for file in files:
            all_found &= _unlink(path[-1], file)
        path[-1].sync()
        _remove_empty(path, names)
    return all_found


def _unlink(directory: Directory, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=directory.descriptor)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False
    return True


def _remove_empty(path: Sequence[Directory], names: Sequence[str]) -> None:
    """Remove the last of path, then the one before, for as long as they are empty."""
    for parent, directory, name in zip(
        path[-2::-1], path[:0:-1], reversed(names), strict=True
    ):
        sweep(directory)
        try:
            os.rmdir(name, dir_fd=parent.descriptor)
        except OSError as error:
            if error.errno in _STILL_NEEDED:
                return
            with contextlib.suppress(FileNotFoundError):
                raise
        parent.sync()
