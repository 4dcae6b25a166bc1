"""Where recovery is to stop, as the operator says it and as PostgreSQL reads it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from cloudhoard.domain.lsn import Lsn
from cloudhoard.errors import InvalidFormat, UsageError

_LAST_TIMELINE: Final = 0xFFFFFFFF
_SPACED_ZONE: Final = re.compile(r"(?<=[\d.]) +(?=[+-]\d|Z$)", re.IGNORECASE)
_NAMED_ZONE: Final = re.compile(r" *(?:UTC|GMT|Z)$", re.IGNORECASE)
_TIME_OF_DAY: Final = re.compile(r"\d[T ]\d", re.IGNORECASE)
_FIRST_XID: Final = 3  # FirstNormalTransactionId: the ones before are never assigned
_XID_IN_WAL: Final = 0xFFFFFFFF
_LARGEST_XID: Final = 0xFFFFFFFF_FFFFFFFF
_LONGEST_NAME: Final = 63  # MAXFNAMELEN without its NUL
_FIRST_PRINTABLE: Final = " "


@dataclass(frozen=True, slots=True)
class ToTheEnd:
    """Replay all the WAL that the archive holds."""

    def __str__(self) -> str:
        """For messages; PostgreSQL has no word for it."""
        return "the end of the WAL"


@dataclass(frozen=True, slots=True)
class TargetTime:
    """Stop at the last commit that is not later than a moment."""

    at: datetime
    """Aware."""

    def __str__(self) -> str:
        """Text that PostgreSQL reads under every DateStyle and TimeZone."""
        return self.at.astimezone(UTC).isoformat(sep=" ")


@dataclass(frozen=True, slots=True)
class TargetLsn:
    """Stop behind the first record that begins at a position or after it."""

    lsn: Lsn

    def __str__(self) -> str:
        """As PostgreSQL writes it."""
        return str(self.lsn)


@dataclass(frozen=True, slots=True)
class TargetXid:
    """Stop behind the end of a transaction."""

    xid: int
    """32 bits: what the WAL says of a transaction."""

    def __str__(self) -> str:
        """In decimal, which is how PostgreSQL reads it without a leading zero."""
        return str(self.xid)


@dataclass(frozen=True, slots=True)
class TargetName:
    """Stop at the first restore point of a name (pg_create_restore_point)."""

    name: str

    def __str__(self) -> str:
        """The name itself."""
        return self.name


@dataclass(frozen=True, slots=True)
class Immediate:
    """Stop as soon as the cluster is consistent: at the end of the backup."""

    def __str__(self) -> str:
        """PostgreSQL's word for it."""
        return "immediate"


RecoveryTarget: TypeAlias = (
    ToTheEnd | TargetTime | TargetLsn | TargetXid | TargetName | Immediate
)
"""One class for each kind of target; a new kind joins here."""


def target_text(target: RecoveryTarget) -> str:
    """What to call a target in a message."""
    match target:
        case TargetXid():
            return f"transaction {target}"
        case TargetName():
            return f"the restore point {target.name!r}"
        case Immediate():
            return "the end of the backup"
        case ToTheEnd() | TargetTime() | TargetLsn():
            return str(target)


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


def parse_target_lsn(text: str) -> TargetLsn:
    """Read a position in the WAL, as ``pg_current_wal_lsn`` shows it.

    Raises:
        UsageError: it is none.
    """
    try:
        return TargetLsn(Lsn.parse(text.strip()))
    except InvalidFormat as error:
        raise UsageError(
            f"{text!r} is not a WAL position",
            hint="write it as two hexadecimal numbers with a slash, 16/B374D848",
        ) from error


def parse_target_xid(text: str) -> TargetXid:
    """Read a transaction's number, of 32 bits or, with its epoch, of 64.

    The WAL has the lower 32 bits only, and PostgreSQL compares no more, so the epoch
    that ``pg_current_xact_id`` puts before them is dropped. PostgreSQL would read a
    number with a leading zero as octal; here all are decimal.

    Raises:
        UsageError: it is no such number, or one that no transaction has.
    """
    number = _decimal(text.strip(), at_most=_LARGEST_XID)
    if number is None or (xid := number & _XID_IN_WAL) < _FIRST_XID:
        raise _no_xid(text)
    return TargetXid(xid)


def parse_target_name(text: str) -> TargetName:
    """Read the name of a restore point; whatever PostgreSQL takes for one is one.

    Raises:
        UsageError: it is empty, longer than 63 bytes, or cannot stand in
            postgresql.auto.conf.
    """
    length = len(text.encode(errors="surrogateescape"))
    if not 0 < length <= _LONGEST_NAME:
        raise UsageError(
            f"{text!r} is not the name of a restore point: it has {length} bytes",
            hint=f"PostgreSQL's have 1 to {_LONGEST_NAME}",
        )
    if any(character < _FIRST_PRINTABLE for character in text):
        raise UsageError(
            f"the restore point {text!r} has a control character in its name, which"
            " postgresql.auto.conf cannot hold",
            hint="find its position with pg_waldump --rmgr=XLOG, for --target-lsn",
        )
    return TargetName(text)


def has_choice_of_side(target: RecoveryTarget) -> bool:
    """Whether PostgreSQL heeds recovery_target_inclusive for this kind of target."""
    return isinstance(target, TargetTime | TargetLsn | TargetXid)


def parse_target_timeline(text: str) -> TargetTimeline:
    """Read ``latest``, ``current`` or a timeline's decimal number.

    Raises:
        UsageError: it is none of them.
    """
    if text in _TIMELINE_WORDS:
        return _TIMELINE_WORDS[text]
    timeline = _decimal(text, at_most=_LAST_TIMELINE)
    if not timeline:
        raise UsageError(
            f"{text!r} is not a timeline",
            hint="a timeline is a decimal number from 1, latest, or current",
        )
    return timeline


def _decimal(text: str, *, at_most: int) -> int | None:
    """Return the number that ASCII digits write, None where they do not or it is more.

    Leading zeros do not count. Python refuses to convert very long numbers.
    """
    if not (text.isascii() and text.isdecimal()):
        return None
    digits = text.lstrip("0") or "0"
    if len(digits) > len(str(at_most)) or int(digits) > at_most:
        return None
    return int(digits)


def _with_numeric_zone(text: str) -> str:
    """``... UTC`` and ``... +02`` as fromisoformat wants them."""
    return _SPACED_ZONE.sub("", _NAMED_ZONE.sub("+00:00", text))


def _no_xid(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is not the number of a transaction",
        hint="write it in decimal, as pg_current_xact_id() shows it",
    )


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
