"""The note in a restored data directory that keeps it out of its original's archive.

A restored copy has the system identifier of its original. Were it to archive into
the same place, it would take the names of WAL that the original has yet to write.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from cloudhoard.errors import InvalidFormat

GUARD_FILE_NAME: Final = "cloudhoard.restored"
"""Name of the note, in the data directory; a base backup leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredGuard:
    """Which archive a data directory was restored from, and when."""

    archive: str
    """The archive's location, as Storage.location gives it."""
    server_name: str
    restored_at: datetime
    """Aware."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a note that render wrote; keys it does not know are skipped.

        Raises:
            InvalidFormat: data is not such a note.
        """
        try:
            found = json.loads(data)
            archive, server_name = found["archive"], found["server_name"]
            restored_at = datetime.fromisoformat(found["restored_at"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidFormat(f"{GUARD_FILE_NAME} is not readable") from error
        if not (isinstance(archive, str) and isinstance(server_name, str)):
            raise InvalidFormat(f"{GUARD_FILE_NAME} does not name an archive")
        return cls(archive=archive, server_name=server_name, restored_at=restored_at)

    def render(self) -> bytes:
        """The note as it is written: one JSON object."""
        found = {
            "archive": self.archive,
            "server_name": self.server_name,
            "restored_at": self.restored_at.isoformat(),
        }
        return json.dumps(found, indent=2).encode() + b"\n"
