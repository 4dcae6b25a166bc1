"""Which exit code an error ends in; no other module knows a number."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from cloudhoard.errors import (
    CloudHoardError,
    DamagedError,
    OperationFailed,
    UsageError,
)
from cloudhoard.storage.errors import (
    AccessDenied,
    ContainerNotFound,
    ObjectExists,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
)


class ExitCode(IntEnum):
    """The exit codes of every command; cloudhoard(1) documents them."""

    OK = 0
    FAILED = 1
    UNREACHABLE = 2
    USAGE = 3
    INTERNAL = 4
    DAMAGED = 5


STRICT: Final = 192
"""Added by wal-restore in strict mode.

PostgreSQL takes 1 to 125 of a restore_command for "the archive has no such file" and
ends recovery there; above 125 it stops with an error instead
(src/backend/access/transam/xlogarchive.c, RestoreArchivedFile).
"""

_CODES: Final[Mapping[type[BaseException], ExitCode]] = {
    BaseException: ExitCode.INTERNAL,
    CloudHoardError: ExitCode.FAILED,
    UsageError: ExitCode.USAGE,
    OperationFailed: ExitCode.FAILED,
    DamagedError: ExitCode.DAMAGED,
    StorageError: ExitCode.INTERNAL,
    ObjectNotFound: ExitCode.FAILED,
    ObjectExists: ExitCode.FAILED,
    ContainerNotFound: ExitCode.UNREACHABLE,
    AccessDenied: ExitCode.UNREACHABLE,
    StorageUnavailable: ExitCode.UNREACHABLE,
    StorageFull: ExitCode.INTERNAL,
}


def exit_code_for(error: BaseException) -> int:
    """Return the code of the nearest class of error that has one."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)
