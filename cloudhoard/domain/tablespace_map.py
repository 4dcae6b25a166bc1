r"""The text of tablespace_map: one ``OID LOCATION`` a line.

A line feed, carriage return or backslash in a location has a backslash before it
(do_pg_backup_start and read_tablespace_map, src/backend/access/transam).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cloudhoard.errors import InvalidFormat

_LARGEST_TEXT: Final = 64 << 20
_LINE: Final = re.compile(r"([1-9][0-9]{0,9}) ((?:[^\\\r\n]|\\[\s\S])+)\n")
_ESCAPED: Final = re.compile(r"\\([\s\S])")
_TO_ESCAPE: Final = re.compile(r"[\\\r\n]")


@dataclass(frozen=True, slots=True)
class MappedTablespace:
    """Where a tablespace's files lay when the backup was taken."""

    oid: int
    location: str


def parse_tablespace_map(text: str) -> tuple[MappedTablespace, ...]:
    """Return the tablespaces in the order of the text, which may be empty.

    Raises:
        InvalidFormat: it is not a tablespace map.
    """
    if len(text) > _LARGEST_TEXT:
        raise InvalidFormat(f"tablespace_map is longer than {_LARGEST_TEXT} characters")
    found: list[MappedTablespace] = []
    position = 0
    while position < len(text):
        match = _LINE.match(text, position)
        if match is None:
            raise InvalidFormat(
                f"entry {len(found) + 1} of tablespace_map is malformed"
            )
        location = _ESCAPED.sub(r"\1", match[2])
        found.append(MappedTablespace(int(match[1]), location))
        position = match.end()
    return tuple(found)


def render_tablespace_map(tablespaces: Iterable[MappedTablespace]) -> str:
    """Return the text, byte for byte as PostgreSQL writes it."""
    return "".join(
        f"{each.oid} {_TO_ESCAPE.sub(_with_backslash, each.location)}\n"
        for each in tablespaces
    )


def _with_backslash(match: re.Match[str]) -> str:
    return "\\" + match[0]
