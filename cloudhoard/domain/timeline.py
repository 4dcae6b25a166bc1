"""Timelines: which one the WAL was on at each position.

A promotion begins a timeline; its history file lists the timelines it descends from
and where each was left.  Between two promotions positions belong to exactly one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, Self

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.wal import WalSegment, is_valid_segment_size
from cloudhoard.errors import InvalidFormat

_LAST_TIMELINE: Final = 0xFFFFFFFF
_MOST_DIGITS: Final = len(str(_LAST_TIMELINE))

_BLANK_OR_COMMENT: Final = re.compile(r"\s*(?:#.*)?", re.ASCII)
_TIMELINE: Final = re.compile(r"\s*[0-9]", re.ASCII)
# sscanf("%u\t%X/%X"): white space may be missing or of any kind, "0x" is allowed.
# The possessive "+" keeps, as sscanf does, a digit with the number it stands in.
_SWITCH: Final = re.compile(
    r"\s*+([0-9]++)\s*+(?:0[xX])?([0-9A-Fa-f]++)/\s*+(?:0[xX])?([0-9A-Fa-f]++)(.*)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class TimelineSwitch:
    """A line of a history file: where a timeline was left."""

    parent: int
    """The timeline that was left."""
    switch_lsn: Lsn
    """The first byte that is no longer its own."""
    reason: str = ""


class TimelineSpan(NamedTuple):
    """A stretch of WAL on one timeline, from start_lsn up to before stop_lsn."""

    timeline: int
    start_lsn: Lsn
    stop_lsn: Lsn


def history_file_name(timeline: int) -> str:
    """The name of a timeline's history file; timeline 1 never has one."""
    return f"{timeline:08X}.history"


@dataclass(frozen=True, slots=True)
class TimelineHistory:
    """A timeline and those it descends from.

    Built by hand it raises InvalidFormat where parse would.
    """

    timeline: int
    switches: tuple[TimelineSwitch, ...] = ()
    """Oldest first; empty for a timeline without ancestors."""

    def __post_init__(self) -> None:
        name = history_file_name(self.timeline)
        if not 0 < self.timeline <= _LAST_TIMELINE:
            raise InvalidFormat(f"{self.timeline} is not a timeline")
        line = (*(switch.parent for switch in self.switches), self.timeline)
        if line[0] < 1 or any(older >= newer for older, newer in pairwise(line)):
            raise InvalidFormat(f"{name} does not list ever later timelines")
        ends = [switch.switch_lsn for switch in self.switches]
        if any(earlier > later for earlier, later in pairwise(ends)):
            raise InvalidFormat(f"{name} lists a switch that lies before the last one")

    @classmethod
    def parse(cls, timeline: int, text: str) -> Self:
        """Read the history file of timeline as PostgreSQL does.

        Blank lines and those whose first character is ``#`` are skipped, what
        follows a position is the reason (src/backend/access/transam/timeline.c,
        ``readTimeLineHistory``).  Beyond that, numbers that do not fit, switches that
        go backwards and zero bytes, as a file lost in a crash has, are refused.

        Raises:
            InvalidFormat: it is no history of timeline.
        """
        name = history_file_name(timeline)
        if "\0" in text:
            raise InvalidFormat(f"{name} holds zero bytes")
        lines = enumerate(text.split("\n"), start=1)
        return cls(
            timeline,
            tuple(
                _parse_switch(line, f"{name}, line {number}")
                for number, line in lines
                if not _BLANK_OR_COMMENT.fullmatch(line)
            ),
        )

    def render(self) -> str:
        """The history file, byte for byte as PostgreSQL writes it.

        Source: ``writeTimeLineHistory``, which puts a blank line between entries.
        """
        return "\n".join(
            f"{switch.parent}\t{switch.switch_lsn}\t{switch.reason}\n"
            for switch in self.switches
        )

    @property
    def ancestors(self) -> tuple[int, ...]:
        """The timelines it descends from, oldest first, without itself."""
        return tuple(switch.parent for switch in self.switches)

    def is_ancestor(self, timeline: int) -> bool:
        """Whether it descends from timeline; from itself it does not."""
        return timeline in self.ancestors

    def end_of(self, timeline: int) -> Lsn | None:
        """Where timeline was left; None for the newest and for foreign ones."""
        for switch in self.switches:
            if switch.parent == timeline:
                return switch.switch_lsn
        return None

    def timeline_at(self, lsn: Lsn) -> int:
        """The timeline that the byte at lsn belongs to (``tliOfPointInHistory``)."""
        for switch in self.switches:
            if lsn < switch.switch_lsn:
                return switch.parent
        return self.timeline

    def spans(self, start: Lsn, stop: Lsn) -> tuple[TimelineSpan, ...]:
        """The WAL from start up to before stop, cut where the timeline changes.

        Raises:
            InvalidFormat: stop is not after start.
        """
        if stop <= start:
            raise InvalidFormat(f"no WAL lies between {start} and {stop}")
        cuts = [
            switch.switch_lsn
            for switch in self.switches
            if start < switch.switch_lsn < stop
        ]
        edges = sorted({start, *cuts, stop})
        return tuple(
            TimelineSpan(self.timeline_at(begin), begin, end)
            for begin, end in pairwise(edges)
        )

    def needed_timelines(self, start: Lsn, stop: Lsn) -> tuple[int, ...]:
        """The timelines that the WAL from start up to before stop is on."""
        return tuple(span.timeline for span in self.spans(start, stop))


def _parse_switch(line: str, where: str) -> TimelineSwitch:
    if not _TIMELINE.match(line):
        raise InvalidFormat(f"{where}: a line must begin with a timeline")
    match = _SWITCH.fullmatch(line)
    if match is None:
        raise InvalidFormat(f"{where}: a WAL position must follow the timeline")
    parent, high, low = (
        _number(match[group], base, where)
        for group, base in ((1, 10), (2, 16), (3, 16))
    )
    return TimelineSwitch(parent, Lsn(high << 32 | low), match[4].removeprefix("\t"))


def _number(digits: str, base: int, where: str) -> int:
    digits = digits.lstrip("0") or "0"
    # The length first: Python refuses to convert very long decimal numbers.
    if len(digits) > _MOST_DIGITS or (number := int(digits, base)) > _LAST_TIMELINE:
        raise InvalidFormat(f"{where}: a number has more than 32 bits")
    return number


def needed_wal(
    start_lsn: Lsn,
    stop_lsn: Lsn,
    history: TimelineHistory | int,
    segment_size: int,
) -> Iterator[str]:
    """The names of the WAL files that a backup needs, in the order of replay.

    history is that of the timeline of stop_lsn, or just its number where the backup
    began on it too.  A segment inside which the timeline changes is needed on the
    later one only: it begins with a copy of the former, of which a ``.partial`` is all
    that is archived.  The history of each timeline but 1 comes before its segments,
    also the first one's: ``recovery_target_timeline`` with its number asks for it, and
    without it the next promotion writes a history that begins there.

    The names are made as they are asked for.

    Raises:
        InvalidFormat: stop_lsn is not after start_lsn, or segment_size is none.
    """
    if not is_valid_segment_size(segment_size):
        raise InvalidFormat(f"{segment_size} is not a size of WAL segments")
    if isinstance(history, int):
        history = TimelineHistory(history)
    for span in history.spans(start_lsn, stop_lsn):
        if span.timeline > 1:
            yield history_file_name(span.timeline)
        first, end = (
            lsn.position // segment_size for lsn in (span.start_lsn, span.stop_lsn)
        )
        is_cut = span.stop_lsn == stop_lsn and stop_lsn.position % segment_size
        for number in range(first, end + bool(is_cut)):
            yield WalSegment(span.timeline, number, segment_size).name
