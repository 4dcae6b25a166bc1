"""WAL segments: the equal pieces that the write-ahead log is cut into."""

import re
from dataclasses import dataclass
from typing import Final, Self

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.wal_file import InvalidWalName
from cloudhoard.errors import InvalidFormat

MIB: Final = 1 << 20
_LOG_SIZE: Final = 1 << 32
"""Bytes that the middle eight digits of a name count: one "log" is 4 GiB."""

_NAME: Final = re.compile(r"[0-9A-F]{24}", re.ASCII)
_LAST_TIMELINE: Final = 0xFFFFFFFF


def is_valid_segment_size(size: int) -> bool:
    """Whether a cluster can have WAL segments of size bytes.

    A power of two from 1 MiB to 1 GiB (src/include/access/xlog_internal.h,
    ``IsValidWalSegSize``).
    """
    return MIB <= size <= 1024 * MIB and size & (size - 1) == 0


@dataclass(frozen=True, slots=True, order=True)
class WalSegment:
    """A segment of one timeline; ordered by timeline, then by position.

    Timelines count from 1, segment numbers from 0 at the start of the WAL, without
    gaps.  Fields out of range raise InvalidFormat.
    """

    timeline: int
    number: int
    segment_size: int
    """In bytes."""

    def __post_init__(self) -> None:
        if not is_valid_segment_size(self.segment_size):
            raise InvalidFormat(f"{self.segment_size} is not a size of WAL segments")
        if not 0 < self.timeline <= _LAST_TIMELINE:
            raise InvalidFormat(f"{self.timeline} is not a timeline")
        if not 0 <= self.number < (1 << 64) // self.segment_size:
            raise InvalidFormat(f"{self.number} is not the number of a WAL segment")

    @classmethod
    def parse(cls, name: str, *, segment_size: int) -> Self:
        """Read a segment's 24 digits, as only segment_size gives them meaning.

        Raises:
            InvalidWalName: with this segment size no segment has this name.
            InvalidFormat: segment_size is none.
        """
        if not is_valid_segment_size(segment_size):
            raise InvalidFormat(f"{segment_size} is not a size of WAL segments")
        if not _NAME.fullmatch(name):
            raise InvalidWalName(f"{name!r} is not the name of a WAL segment")
        timeline, log, low = (int(name[at : at + 8], 16) for at in (0, 8, 16))
        per_log = _LOG_SIZE // segment_size
        if timeline == 0 or low >= per_log:
            raise InvalidWalName(
                f"no WAL segment is named {name} where segments have"
                f" {segment_size // MIB} MiB"
            )
        return cls(timeline, log * per_log + low, segment_size)

    @classmethod
    def containing(cls, lsn: Lsn, *, timeline: int, segment_size: int) -> Self:
        """The segment that holds the byte at lsn."""
        return cls(timeline, lsn.position // segment_size, segment_size)

    @classmethod
    def ending_at(cls, lsn: Lsn, *, timeline: int, segment_size: int) -> Self:
        """The segment that holds the last byte before lsn.

        At a boundary that is the segment before, not the one that begins there
        (``XLByteToPrevSeg``).
        """
        return cls.containing(lsn - 1, timeline=timeline, segment_size=segment_size)

    @property
    def name(self) -> str:
        """The file's name, 24 digits (``XLogFileName``)."""
        log, low = divmod(self.number, _LOG_SIZE // self.segment_size)
        return f"{self.timeline:08X}{log:08X}{low:08X}"

    @property
    def start_lsn(self) -> Lsn:
        """Its first byte."""
        return Lsn(self.number * self.segment_size)

    @property
    def end_lsn(self) -> Lsn:
        """The first byte after it."""
        return self.start_lsn + self.segment_size

    def next(self) -> Self:
        """The segment that follows on the same timeline."""
        return type(self)(self.timeline, self.number + 1, self.segment_size)

    def on_timeline(self, timeline: int) -> Self:
        """The segment of the same position on another timeline."""
        return type(self)(timeline, self.number, self.segment_size)
