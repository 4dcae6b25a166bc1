"""The names of the files that archive_command hands over.

Only what PostgreSQL writes is a name: it prints upper-case hexadecimal, and asks for
files by exactly those names.  A lower-case spelling is refused rather than stored
under a name that no recovery will ever ask for.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from cloudhoard.errors import UsageError

_NAME: Final = re.compile(
    r"(?P<timeline>[0-9A-F]{8})"
    r"(?:\.history|[0-9A-F]{8}(?P<low>[0-9A-F]{8})"
    r"(?P<kind>\.partial|\.[0-9A-F]{8}\.backup)?)",
    re.ASCII,
)
_LAST_LOW: Final = (1 << 32 >> 20) - 1
"""Of a segment's number within its 4 GiB, at the smallest segment size, 1 MiB."""


_TIMELINE_DIGITS: Final = 8


class InvalidWalName(UsageError):
    """A name that no WAL file of PostgreSQL has."""


class WalFileKind(Enum):
    """What archive_command hands over."""

    SEGMENT = "segment"
    PARTIAL = "partial segment"
    """The last segment of a timeline that ended inside it, ``.partial``."""
    HISTORY = "timeline history"
    """Where a timeline branched off, ``.history``."""
    BACKUP_HISTORY = "backup history"
    """A note that a base backup ended, ``.backup``; recovery never asks for it."""


@dataclass(frozen=True, slots=True)
class WalFile:
    """A WAL file by its name alone.

    Source: src/include/access/xlog_internal.h, ``IsXLogFileName`` and its siblings.
    """

    name: str
    kind: WalFileKind
    timeline: int
    """From 1 on."""
    segment_name: str | None
    """The 24 digits of the segment it is of or belongs to; None for a history."""

    @classmethod
    def parse(cls, name: str) -> Self:
        """Read the name of a file, without directories.

        Raises:
            InvalidWalName: PostgreSQL gives no WAL file this name.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            raise InvalidWalName(f"{name!r} is not the name of a WAL file")
        timeline, low = int(match["timeline"], 16), match["low"]
        if timeline == 0 or (low is not None and int(low, 16) > _LAST_LOW):
            raise InvalidWalName(f"{name!r} is out of the range of WAL file names")
        if low is None:
            return cls(name, WalFileKind.HISTORY, timeline, None)
        return cls(name, _KINDS[(match["kind"] or "")[-7:]], timeline, name[:24])


_KINDS: Final = {
    "": WalFileKind.SEGMENT,
    "partial": WalFileKind.PARTIAL,
    ".backup": WalFileKind.BACKUP_HISTORY,
}


def split_segment_name(name: str) -> tuple[str, str]:
    """Return timeline and position of a segment's name; both sort as what they mean."""
    return name[:_TIMELINE_DIGITS], name[_TIMELINE_DIGITS:]
