"""Positions in the write-ahead log."""

import re
from dataclasses import dataclass
from typing import Final, Self, overload

from cloudhoard.errors import InvalidFormat

_TEXT: Final = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})", re.ASCII)
_END: Final = 1 << 64


@dataclass(frozen=True, slots=True, order=True)
class Lsn:
    """A position in the WAL, in bytes from its start.

    Range: 0 to 2**64 - 1; anything else raises InvalidFormat.  Text form is
    PostgreSQL's ``X/X``, upper-case hex, high and low 32 bits
    (src/include/access/xlogdefs.h, ``LSN_FORMAT_ARGS``).
    """

    position: int

    def __post_init__(self) -> None:
        if not 0 <= self.position < _END:
            raise InvalidFormat(f"WAL position {self.position:#x} is out of range")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read text as ``pg_lsn`` does, for instance ``16/B374D848``.

        Raises:
            InvalidFormat: text is not two hexadecimal halves with a slash.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise InvalidFormat(f"{text!r} is not a WAL position")
        high, low = match.groups()
        return cls(int(high, 16) << 32 | int(low, 16))

    def __str__(self) -> str:
        return f"{self.position >> 32:X}/{self.position & 0xFFFFFFFF:X}"

    def __add__(self, size: int) -> "Lsn":
        """The position size bytes on."""
        return Lsn(self.position + size)

    @overload
    def __sub__(self, other: "Lsn") -> int: ...
    @overload
    def __sub__(self, other: int) -> "Lsn": ...
    def __sub__(self, other: "Lsn | int") -> "Lsn | int":
        """The bytes from other to here, or the position other bytes back."""
        if isinstance(other, Lsn):
            return self.position - other.position
        return Lsn(self.position - other)
