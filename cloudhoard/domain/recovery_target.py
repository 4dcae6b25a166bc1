"""Where recovery is to stop, as the operator says it and as PostgreSQL reads it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from cloudhoard.errors import UsageError

_LAST_TIMELINE: Final = 0xFFFFFFFF
_SPACED_ZONE: Final = re.compile(r"(?<=[\d.]) +(?=[+-]\d|Z$)", re.IGNORECASE)
_NAMED_ZONE: Final = re.compile(r" *(?:UTC|GMT|Z)$", re.IGNORECASE)
_TIME_OF_DAY: Final = re.compile(r"\d[T ]\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ToTheEnd:
    """Replay all the WAL that the archive holds."""


@dataclass(frozen=True, slots=True)
class TargetTime:
    """Stop at the last commit that is not later than a moment."""

    at: datetime
    """Aware."""

    def __str__(self) -> str:
        """Text that PostgreSQL reads under every DateStyle and TimeZone."""
        return self.at.astimezone(UTC).isoformat(sep=" ")


RecoveryTarget: TypeAlias = ToTheEnd | TargetTime
"""One class for each kind of target; a new kind joins here."""

TargetTimeline: TypeAlias = Literal["latest", "current"] | int
"""recovery_target_timeline: a number, or one of PostgreSQL's two words."""


_TIMELINE_WORDS: Final[Mapping[str, TargetTimeline]] = {
    "latest": "latest",
    "current": "current",
}


class TargetAction(StrEnum):
    """What the server does at the target: recovery_target_action."""

    PAUSE = "pause"
    PROMOTE = "promote"
    SHUTDOWN = "shutdown"


def parse_target_time(
    text: str, *, localized: Callable[[datetime], datetime]
) -> TargetTime:
    """Read an ISO 8601 date and time that says its UTC offset.

    localized gives a naive time the zone of this host: barman's rule, which is only
    shown in the hint, since the host that restores need not be in the zone that the
    operator has in mind.

    Raises:
        UsageError: it is no date and time, or it leaves the offset out.
    """
    try:
        instant = datetime.fromisoformat(_with_numeric_zone(text.strip()))
    except ValueError as error:
        raise _no_time(text) from error
    if _TIME_OF_DAY.search(text) is None:
        raise _no_time(text)
    if instant.tzinfo is None:
        raise _naive(text, instant, localized)
    try:
        return TargetTime(instant.astimezone(UTC))
    except OverflowError as error:
        raise _no_time(text) from error


def parse_target_timeline(text: str) -> TargetTimeline:
    """Read ``latest``, ``current`` or a timeline's decimal number.

    Raises:
        UsageError: it is none of them.
    """
    if text in _TIMELINE_WORDS:
        return _TIMELINE_WORDS[text]
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= _LAST_TIMELINE:
        return int(text)
    raise UsageError(
        f"{text!r} is not a timeline",
        hint="a timeline is a decimal number from 1, latest, or current",
    )


def _with_numeric_zone(text: str) -> str:
    """``... UTC`` and ``... +02`` as fromisoformat wants them."""
    return _SPACED_ZONE.sub("", _NAMED_ZONE.sub("+00:00", text))


def _no_time(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is not a date and time",
        hint="write it as 2026-11-21 09:30:00+00:00",
    )


def _naive(
    text: str, instant: datetime, localized: Callable[[datetime], datetime]
) -> UsageError:
    message = f"target time {text!r} does not say its time zone"
    try:
        here = localized(instant).isoformat(sep=" ")
    except (OverflowError, ValueError):
        return UsageError(message, hint="add the offset from UTC, such as +00:00")
    return UsageError(
        message,
        hint=f"add the offset from UTC; barman would take this host's zone: '{here}'",
    )
