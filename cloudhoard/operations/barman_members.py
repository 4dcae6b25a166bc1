"""What becomes of each member of barman-cloud's tars, decided by its name.

barman-cloud leaves out less than PostgreSQL says that a base backup should, and what
PostgreSQL would trip over, or what speaks of the copy that was backed up, stays out.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from cloudhoard.domain.archive_layout import DATA_ITEM
from cloudhoard.domain.restored_path import PG_WAL, shown_path, split_path
from cloudhoard.errors import InvalidFormat
from cloudhoard.postgres.exclusions import is_emptied, is_left_out

BACKUP_LABEL: Final = b"backup_label"

_IN_TABLESPACE: Final = re.compile(rb"PG_([0-9]+)_[0-9]+")


class Treatment(Enum):
    """What becomes of a member."""

    RESTORE = auto()
    HOLD = auto()
    """It may come twice, and the last one is the one that counts."""
    LEAVE_OUT = auto()


@dataclass(frozen=True, slots=True)
class MemberRules:
    """The rules for one backup."""

    major: int
    """PostgreSQL's version."""
    held: frozenset[bytes]
    """Names in the top directory that may come twice, backup_label among them."""

    def treatment(self, item: str, name: bytes) -> Treatment:
        """Return what becomes of the file or directory name, without ``./``.

        Raises:
            InvalidFormat: it is no name that a backup can hold.
        """
        components = split_path(name)
        if item != DATA_ITEM:
            return self._in_tablespace(components)
        if name in self.held:
            return Treatment.HOLD
        inside = len(components) > 1
        if inside and (is_emptied(components[0]) or components[0] == PG_WAL):
            return Treatment.LEAVE_OUT
        return _by_names(components, in_data=True)

    def _in_tablespace(self, components: tuple[bytes, ...]) -> Treatment:
        version = _IN_TABLESPACE.fullmatch(components[0])
        if version is None:
            raise InvalidFormat(
                f"{shown_path(components[0])} cannot be in a tablespace"
            )
        if int(version[1]) != self.major:  # what pg_upgrade has left behind
            return Treatment.LEAVE_OUT
        return _by_names(components, in_data=False)


def _by_names(components: tuple[bytes, ...], *, in_data: bool) -> Treatment:
    for depth, component in enumerate(components):
        if is_left_out(component, in_top_directory=in_data and depth == 0):
            return Treatment.LEAVE_OUT
    return Treatment.RESTORE
