"""The text of backup_label, as pg_backup_stop returns it.

PostgreSQL writes it in build_backup_content (src/backend/access/transam/xlogbackup.c)
and reads it in read_backup_label (xlogrecovery.c).
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from cloudhoard.domain.lsn import Lsn
from cloudhoard.errors import InvalidFormat

_LARGEST_TEXT: Final = 1 << 16
_LABEL: Final = re.compile(
    r"START WAL LOCATION: (?P<start>\S+) \(file (?P<segment>[0-9A-F]{24})\)\n"
    r"CHECKPOINT LOCATION: (?P<checkpoint>\S+)\n"
    r"BACKUP METHOD: (?P<method>[^\n]*)\n"
    r"BACKUP FROM: (?P<source>[^\n]*)\n"
    r"START TIME: (?P<time>[^\n]*)\n"
    r"LABEL: (?P<label>[^\n]*)\n"
    r"START TIMELINE: (?P<timeline>[0-9]{1,10})\n"
    r"(?P<rest>(?:[A-Z][A-Z ]*: [^\n]*\n)*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupLabel:
    """Where recovery of a base backup begins."""

    start_lsn: Lsn
    start_segment: str
    """Name of the WAL segment that holds start_lsn."""
    checkpoint_lsn: Lsn
    start_timeline: int
    label: str
    start_time: str
    """As PostgreSQL prints it, in the server's log_timezone."""
    backup_method: str = "streamed"
    backup_from: str = "primary"
    """``primary`` or ``standby``."""
    further_lines: str = ""
    """What newer versions add, for instance INCREMENTAL FROM LSN, unchanged."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of PostgreSQL 13 and later.

        Raises:
            InvalidFormat: it is not a backup label.
        """
        match = _LABEL.fullmatch(text) if len(text) <= _LARGEST_TEXT else None
        if match is None:
            raise InvalidFormat("not the text of a backup_label")
        return cls(
            start_lsn=Lsn.parse(match["start"]),
            start_segment=match["segment"],
            checkpoint_lsn=Lsn.parse(match["checkpoint"]),
            start_timeline=int(match["timeline"]),
            label=match["label"],
            start_time=match["time"],
            backup_method=match["method"],
            backup_from=match["source"],
            further_lines=match["rest"],
        )

    def render(self) -> str:
        """Return the text, byte for byte as PostgreSQL writes it."""
        return (
            f"START WAL LOCATION: {self.start_lsn} (file {self.start_segment})\n"
            f"CHECKPOINT LOCATION: {self.checkpoint_lsn}\n"
            f"BACKUP METHOD: {self.backup_method}\n"
            f"BACKUP FROM: {self.backup_from}\n"
            f"START TIME: {self.start_time}\n"
            f"LABEL: {self.label}\n"
            f"START TIMELINE: {self.start_timeline}\n"
            f"{self.further_lines}"
        )
