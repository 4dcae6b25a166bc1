import pytest

from cloudhoard.cli.exit_codes import ExitCode, exit_code_for
from cloudhoard.errors import (
    CloudHoardError,
    DamagedError,
    HoleInWal,
    InvalidFormat,
    OperationFailed,
    UsageError,
)
from cloudhoard.storage.errors import (
    AccessDenied,
    ContainerNotFound,
    ObjectExists,
    ObjectNotFound,
    StorageFull,
    StorageUnavailable,
)


class _OfAnotherModule(OperationFailed):
    pass


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CloudHoardError("x"), ExitCode.FAILED),
        (OperationFailed("x"), ExitCode.FAILED),
        (_OfAnotherModule("x"), ExitCode.FAILED),
        (ObjectNotFound("x"), ExitCode.FAILED),
        (ObjectExists("x"), ExitCode.FAILED),
        (ContainerNotFound("x"), ExitCode.UNREACHABLE),
        (AccessDenied("x"), ExitCode.UNREACHABLE),
        (StorageUnavailable("x"), ExitCode.UNREACHABLE),
        (UsageError("x"), ExitCode.USAGE),
        (StorageFull("x"), ExitCode.INTERNAL),
        (OSError(28, "No space left on device"), ExitCode.INTERNAL),
        (ZeroDivisionError(), ExitCode.INTERNAL),
        (KeyboardInterrupt(), ExitCode.INTERNAL),
        (DamagedError("x"), ExitCode.DAMAGED),
        (InvalidFormat("x"), ExitCode.DAMAGED),
        (HoleInWal("x"), ExitCode.DAMAGED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_ends_in_the_code_of_its_nearest_class(
    error: BaseException, code: ExitCode
) -> None:
    assert exit_code_for(error) == code
