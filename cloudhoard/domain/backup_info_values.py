"""How barman writes each kind of value into backup.info, and how it is read back.

``None`` stands for a value that is not known. Most values are not quoted; those that
may hold line feeds are written as Python's repr() does (observed of barman 3.20).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.python_literal import Literal, parse_literal
from cloudhoard.domain.wal import is_valid_segment_size
from cloudhoard.errors import InvalidFormat

NOT_KNOWN: Final = "None"

_INTEGER: Final = re.compile(r"[0-9]{1,20}")
_SEGMENT_NAME: Final = re.compile(r"[0-9A-F]{24}")
_LONGEST_LSN: Final = 17
_LARGEST: Final = (1 << 64) - 1
_LARGEST_TIMELINE: Final = (1 << 32) - 1
_LARGEST_OID: Final = (1 << 32) - 1


class BackupStatus(StrEnum):
    """The words that barman knows; CloudHoard writes DONE and FAILED only."""

    EMPTY = "EMPTY"
    STARTED = "STARTED"
    WAITING_FOR_WALS = "WAITING_FOR_WALS"
    DONE = "DONE"
    SYNCING = "SYNCING"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Tablespace:
    """A tablespace other than the two that live in the data directory."""

    name: str
    oid: int
    location: str
    """Absolute path on the host that was backed up."""


@dataclass(frozen=True, slots=True)
class ValueFormat:
    """One kind of value: its reader and its writer.

    The writer is given what the reader returns for the same text.
    """

    parse: Callable[[str], object]
    render: Callable[[Any], str]
    absent: object = None
    """What stands for a value that is not known."""
    is_left_out: bool = False
    """Whether barman leaves the line out when the value is not known."""


def one_line(text: str) -> str:
    r"""Return text with all that is not printable escaped, as \\n or \\udc80."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in text
    )


def _integer(text: str, largest: int = _LARGEST) -> int:
    if _INTEGER.fullmatch(text) is None or int(text) > largest:
        raise InvalidFormat(f"{text[:40]!r} is not an integer from 0 to {largest}")
    return int(text)


def _timeline(text: str) -> int:
    timeline = _integer(text, _LARGEST_TIMELINE)
    if timeline == 0:
        raise InvalidFormat("timelines count from 1")
    return timeline


def _segment_size(text: str) -> int:
    size = _integer(text)
    if not is_valid_segment_size(size):
        raise InvalidFormat(f"{size} is not a size of WAL segments")
    return size


def _segment_name(text: str) -> str:
    if _SEGMENT_NAME.fullmatch(text) is None:
        raise InvalidFormat(f"{text[:40]!r} is not the name of a WAL segment")
    return text


def _lsn(text: str) -> Lsn:
    if len(text) > _LONGEST_LSN:
        raise InvalidFormat(f"{text[:40]!r} is not a WAL position")
    return Lsn.parse(text)


def _status(text: str) -> BackupStatus:
    try:
        return BackupStatus(text)
    except ValueError as error:
        raise InvalidFormat(f"{text[:40]!r} is not a status") from error


def _instant(text: str) -> datetime:
    """Return the moment; without a zone it is this machine's, as barman takes it."""
    try:
        value = datetime.fromisoformat(text)
        if value.tzinfo is None:
            value = value.astimezone()
        value.astimezone(UTC)  # the first and last days of the calendar overflow
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidFormat(f"{text[:60]!r} is not a time") from error
    return value


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _quoted(text: str) -> str:
    value = parse_literal(text)
    if not isinstance(value, str):
        raise InvalidFormat("not a quoted string")
    return value


def _quoted_list(text: str) -> tuple[str, ...]:
    value = parse_literal(text)
    strings = [item for item in _items(value) if isinstance(item, str)]
    if len(strings) != len(_items(value)):
        raise InvalidFormat("not a list of strings")
    return tuple(strings)


def _quoted_mapping(text: str) -> Mapping[str, Literal]:
    value = parse_literal(text)
    if not isinstance(value, dict):
        raise InvalidFormat("not a dictionary")
    return value


def _tablespaces(text: str) -> tuple[Tablespace, ...]:
    return tuple(_tablespace(item) for item in _items(parse_literal(text)))


def _tablespace(item: Literal) -> Tablespace:
    match item:
        case (str() as name, int() as oid, str() as location) if (
            not isinstance(oid, bool) and 0 < oid <= _LARGEST_OID
        ):
            return Tablespace(name, oid, location)
        case _:
            raise InvalidFormat("not a list of (name, oid, location)")


def _items(value: Literal) -> list[Literal] | tuple[Literal, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidFormat("not a list")
    return value


def _render_tablespaces(tablespaces: tuple[Tablespace, ...]) -> str:
    return repr([(each.name, each.oid, each.location) for each in tablespaces])


TEXT: Final = ValueFormat(one_line, one_line)
OPTIONAL_TEXT: Final = ValueFormat(one_line, one_line, is_left_out=True)
INTEGER: Final = ValueFormat(_integer, str)
TIMELINE: Final = ValueFormat(_timeline, str)
SEGMENT_SIZE: Final = ValueFormat(_segment_size, str, absent=16 << 20)
SEGMENT_NAME: Final = ValueFormat(_segment_name, str)
LSN: Final = ValueFormat(_lsn, str)
INSTANT: Final = ValueFormat(_instant, str)
STATUS: Final = ValueFormat(_status, str, absent=BackupStatus.EMPTY)
WORDS: Final = ValueFormat(_words, ",".join, absent=())
QUOTED: Final = ValueFormat(_quoted, repr)
QUOTED_LIST: Final = ValueFormat(_quoted_list, lambda each: repr(list(each)), absent=())
QUOTED_MAPPING: Final = ValueFormat(_quoted_mapping, repr)
OPTIONAL_MAPPING: Final = ValueFormat(_quoted_mapping, repr, is_left_out=True)
TABLESPACES: Final = ValueFormat(_tablespaces, _render_tablespaces, absent=())
