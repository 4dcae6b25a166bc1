"""started.json: what a backup says of itself before it has anything to show."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from cloudhoard.domain.json_object import JsonObject, render_json
from cloudhoard.errors import InvalidFormat

FORMAT_VERSION: Final = 1
LARGEST_STARTED: Final = 1 << 16

_WHAT: Final = "started.json"
_SEGMENT_NAME: Final = re.compile(r"[0-9A-F]{24}")
_RUN_ID: Final = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedMarker:
    """The first object of a backup; creating it takes the backup id."""

    backup_id: str
    run_id: str
    """Random hexadecimal digits, one value for each run."""
    started_at: datetime
    """Aware; the clock of the host."""
    host: str
    process_id: int
    tool_version: str
    system_identifier: int
    data_directory: str
    first_wal: str
    """No WAL before this segment is needed by the backup."""
    backup_name: str | None = None

    def to_json(self) -> bytes:
        """Return the document."""
        members: dict[str, object] = {
            "format_version": FORMAT_VERSION,
            "backup_id": self.backup_id,
            "run_id": self.run_id,
            "started_at": self.started_at.astimezone(UTC).isoformat(),
            "host": self.host,
            "process_id": self.process_id,
            "tool_version": self.tool_version,
            "system_identifier": str(self.system_identifier),
            "data_directory": self.data_directory,
            "first_wal": self.first_wal,
            "backup_name": self.backup_name,
        }
        return render_json(members).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes, *, backup_id: str) -> Self:
        """Read the marker of the backup called backup_id.

        Raises:
            InvalidFormat: it is not one, or is another backup's.
        """
        document = JsonObject.parse(data, _WHAT, at_most=LARGEST_STARTED)
        document.integer("format_version", smallest=1)
        found = document.text("backup_id")
        if found != backup_id:
            raise InvalidFormat(f"{_WHAT} is of backup {found[:40]!r}")
        return cls(
            backup_id=backup_id,
            run_id=_matching(document, "run_id", _RUN_ID),
            started_at=document.instant("started_at"),
            host=document.text("host"),
            process_id=document.integer("process_id"),
            tool_version=document.text("tool_version"),
            system_identifier=document.decimal("system_identifier"),
            data_directory=document.text("data_directory"),
            first_wal=_matching(document, "first_wal", _SEGMENT_NAME),
            backup_name=document.optional_text("backup_name"),
        )


def _matching(document: JsonObject, name: str, pattern: re.Pattern[str]) -> str:
    text = document.text(name)
    if pattern.fullmatch(text) is None:
        raise InvalidFormat(f"{name!r} of {_WHAT} is malformed")
    return text
