"""Give a finished file its name only if nobody has it.

Why in this order, and what each way is worth: docs/adr, "Exclusive create and
authoritative absence on a directory".
"""

import errno
import logging
import os
from typing import Final

_RENAME_NOREPLACE: Final = 1
_NO_LINKS: Final = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_EXCLUSIVE_RENAME: Final = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}

_log = logging.getLogger(__name__)


def publish(directory: int, temporary: str, name: str, descriptor: int) -> None:
    """Make the file temporary, open as descriptor, appear as name.

    Args:
        directory: descriptor of the directory that both names are in.
        temporary: its name so far, which may or may not be left.
        name: the name it gets.
        descriptor: the file itself.

    Raises:
        FileExistsError: something else has that name, and keeps it.
        OSError: as link(2) and rename(2).
    """
    try:
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except FileExistsError:
        # A lost answer of a file server, asked again, comes back as "exists".
        if not _is_named(directory, name, descriptor):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        rename_exclusively(directory, temporary, name)


def rename_exclusively(directory: int, temporary: str, name: str) -> None:
    """Rename temporary to name unless that is taken; for want of link(2).

    Raises as publish.
    """
    try:
        _renameat2(directory, temporary, name)
    except OSError as error:
        if error.errno not in _NO_EXCLUSIVE_RENAME:
            raise
        rename_if_free(directory, temporary, name)


def rename_if_free(directory: int, temporary: str, name: str) -> None:
    """Look, then rename: two writers at the same moment may both succeed.

    Raises as publish.
    """
    _log.debug("no exclusive create here: %s is created with best effort", name)
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)


def _is_named(directory: int, name: str, descriptor: int) -> bool:
    ours = os.fstat(descriptor)
    try:
        there = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(ours, there)


def _renameat2(directory: int, temporary: str, name: str) -> None:
    import ctypes  # noqa: PLC0415 - 3 ms that are hardly ever needed

    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is None:  # glibc before 2.28
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    old, new = os.fsencode(temporary), os.fsencode(name)
    if function(directory, old, directory, new, _RENAME_NOREPLACE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)
