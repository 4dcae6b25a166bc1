"""From an error of the operating system to one of the five kinds."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cloudhoard.storage.errors import (
    AccessDenied,
    StorageError,
    StorageFull,
    StorageUnavailable,
)

_KINDS: Final[dict[int, type[StorageError]]] = {
    errno.EACCES: AccessDenied,
    errno.EPERM: AccessDenied,
    errno.EROFS: AccessDenied,
    errno.ENOSPC: StorageFull,
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,
}


def storage_error(error: OSError, doing: str) -> StorageError:
    """Return what error means for the caller of a storage.

    What is in no table is StorageUnavailable: unknown means that the answer is not
    known, never that the object is not there.

    Args:
        error: as the operating system gave it.
        doing: what failed, with the object and the place: "write KEY to URL".
    """
    kind = _KINDS.get(error.errno or 0, StorageUnavailable)
    reason = os.strerror(error.errno) if error.errno else str(error)
    return kind(f"cannot {doing}: {reason[:1].lower()}{reason[1:]}")


@contextmanager
def os_errors_as_storage_errors(doing: str) -> Iterator[None]:
    """Translate the OSErrors of the backend's own calls.

    Never to be put around a ``yield``: the caller's errors would be taken for ours.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(error, doing) from error
