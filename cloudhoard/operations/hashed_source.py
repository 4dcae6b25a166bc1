"""The SHA-256 of what was read, beside what is made of it."""

import hashlib

from cloudhoard.errors import DamagedError
from cloudhoard.streams import COPY_SIZE, ByteSource


def named_error(error: DamagedError, key: str) -> DamagedError:
    """The same kind of error, with the object's key in front where it lacks it."""
    if key in error.message:
        return error
    return type(error)(f"{key}: {error.message}", hint=error.hint)


class HashedSource:
    """A source that hashes the stored bytes of an object while others decode them."""

    def __init__(self, source: ByteSource, name: str) -> None:
        self._source = source
        self._name = name
        self._hash = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Return what the source gives."""
        block = self._source.read(size)
        self._hash.update(block)
        return block

    def check(self, expected: str | None) -> None:
        """Read what is left, and compare the whole with expected, in hexadecimal.

        Raises:
            DamagedError: it is another one, or there is none to compare with.
        """
        while self.read(COPY_SIZE):
            pass
        found = self._hash.hexdigest()
        if found != expected:
            raise DamagedError(
                f"{self._name} is not what was stored: its SHA-256 is {found},"
                f" the backup was committed with {expected or 'none'}"
            )
