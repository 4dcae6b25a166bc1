"""The file that tells a restore that did not finish from a data directory in use."""

import json
from dataclasses import dataclass
from typing import Final, Self

from cloudhoard.domain.json_object import JsonObject

LARGEST_MARKER: Final = 16 << 20
"""Bytes; room for the paths of 4,000 tablespaces and to spare."""

_WHAT: Final = "cloudhoard.restoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreMarker:
    """What a restore was about to do; it stands there until all is done."""

    backup_id: str
    control_sha256: str
    """Of the backup's global/pg_control, in hexadecimal: a server that has started
    on the restored directory has changed that file."""
    directories: tuple[str, ...]
    """Real paths of the directories outside the data directory that it fills."""

    def to_json(self) -> bytes:
        """One JSON object, as it stands in the file."""
        fields = {
            "backup_id": self.backup_id,
            "control_sha256": self.control_sha256,
            "directories": [{"path": path} for path in self.directories],
        }
        return json.dumps(fields, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read the file.

        Raises:
            InvalidFormat: it is not such a file.
        """
        marker = JsonObject.parse(data, _WHAT, at_most=LARGEST_MARKER)
        return cls(
            backup_id=marker.text("backup_id"),
            control_sha256=marker.hex_digits("control_sha256", size=32),
            directories=tuple(
                each.text("path") for each in marker.objects("directories")
            ),
        )
