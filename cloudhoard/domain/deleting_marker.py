"""deleting.json: what a deletion says before it takes anything away."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cloudhoard.domain.json_object import render_json

FORMAT_VERSION: Final = 1

MARKER_HOLDS: Final = timedelta(minutes=30)
"""So long after it was stored a marker allows to delete backup.info.

Others heed it for twice as long.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletingMarker:
    """The marker of a deletion under way; its presence counts, people read it."""

    backup_id: str
    begun_at: datetime
    """Aware; the clock of the host."""
    host: str
    process_id: int
    tool_version: str
    backup_info: bytes | None
    """What backup.info said; None where there was none."""

    def to_json(self) -> bytes:
        """Return the document.

        Bytes of backup.info that are not UTF-8 become lone surrogates, as Python's
        surrogateescape makes them, so that nothing of it is lost.
        """
        info = self.backup_info
        members: dict[str, object] = {
            "format_version": FORMAT_VERSION,
            "backup_id": self.backup_id,
            "begun_at": self.begun_at.astimezone(UTC).isoformat(),
            "host": self.host,
            "process_id": self.process_id,
            "tool_version": self.tool_version,
            "backup_info": None if info is None else info.decode(errors=_LOSSLESS),
        }
        return render_json(members).encode() + b"\n"


_LOSSLESS: Final = "surrogateescape"
