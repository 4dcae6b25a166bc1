"""The errors that every layer shares.

A message is one line, lower case, without a full stop, and names the thing; what the
operator can do about it is the hint. Which exit code an error ends in is decided in
one place, ``cloudhoard.cli.exit_codes``.
"""


class CloudHoardError(Exception):
    """An error with a message for the operator and, where we know one, a remedy."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(CloudHoardError):
    """The command line, a setting or a name in it is wrong; nothing was touched."""


class OperationFailed(CloudHoardError):
    """The store and the cluster were reached, and what was asked for was refused."""


class DamagedError(CloudHoardError):
    """An object, or a file taken from one, is not what was once stored."""


class InvalidFormat(DamagedError):
    """Text or bytes that do not follow their format.

    Where they come from the command line, the caller says so with UsageError.
    """


class HoleInWal(DamagedError):
    """WAL is missing in the middle: what comes after it is in the archive."""
