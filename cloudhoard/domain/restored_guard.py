"""The file that keeps a restored copy from writing to the archive it came from.

A copy has the original's system identifier: its own timelines would be accepted by
the original's archive and break that cluster's next standby.  So restore leaves this
file in the data directory, and wal-archive refuses to write to the archive it names.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from cloudhoard.errors import InvalidFormat

GUARD_NAME: Final = "cloudhoard.restored"
"""Its name in the data directory; never part of a backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredGuard:
    """Which archive a data directory came from, and when."""

    archive: str
    """Location of the opened archive, with the server name: ``storage.location``."""
    backup_id: str
    restored_at: datetime
    """Aware, UTC."""

    def to_json(self) -> bytes:
        """One JSON object, as it stands in the file."""
        fields = {
            "archive": self.archive,
            "backup_id": self.backup_id,
            "restored_at": self.restored_at.astimezone(UTC).isoformat(),
        }
        return json.dumps(fields, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read the file; keys that are not known are left alone.

        Raises:
            InvalidFormat: it is not such a file.
        """
        try:
            fields = json.loads(data)
            return cls(
                archive=_text(fields["archive"]),
                backup_id=_text(fields["backup_id"]),
                restored_at=_instant(fields["restored_at"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InvalidFormat(f"{GUARD_NAME} does not hold what it should") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(_text(value))
    if instant.tzinfo is None:
        raise ValueError
    return instant
