"""One base backup as the archive shows it: complete, failed, unfinished or going."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cloudhoard.domain.backup_info import BackupInfo, BackupStatus
from cloudhoard.domain.started_marker import StartedMarker
from cloudhoard.errors import DamagedError, OperationFailed

__all__ = ["Backup", "BackupState", "KeepTarget", "StartedMarker", "parse_keep"]


class BackupState(StrEnum):
    """What a backup is good for: DONE ones restore, no other is ever chosen."""

    DONE = "DONE"
    FAILED = "FAILED"
    UNFINISHED = "UNFINISHED"
    """Running, or dead without a word: the archive cannot tell."""
    DELETING = "DELETING"
    """Gone: what is left of it has yet to be removed."""
    UNREADABLE = "UNREADABLE"
    """It has a backup.info, which is damaged or not signed as it must be."""


class KeepTarget(StrEnum):
    """What a keep annotation keeps."""

    FULL = "full"
    """The backup and all WAL from it onward."""
    STANDALONE = "standalone"
    """The backup and the WAL that makes it consistent."""


def parse_keep(data: bytes) -> KeepTarget:
    """Return what an annotation says; whatever is not standalone keeps all."""
    first, _, _ = data.partition(b"\n")
    if first.strip() == KeepTarget.STANDALONE.value.encode():
        return KeepTarget.STANDALONE
    return KeepTarget.FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What stands under one backup id."""

    backup_id: str
    info: BackupInfo | None = None
    """None where there is no backup.info, or none that can be read."""
    started: StartedMarker | None = None
    """None for barman's; read only where no backup.info can be read."""
    keep: KeepTarget | None = None
    problem: str | None = None
    """Why backup.info, or the marker in its stead, cannot be read."""
    has_info: bool = False
    """Whether there is a backup.info, readable or not."""
    stored_size: int = 0
    """Bytes of everything under the id, as it is stored."""
    last_stored: datetime | None = None
    """When the newest of its objects was stored, by the store's clock. Aware."""
    deletion_begun: datetime | None = None
    """When a deletion left its marker, by the store's clock. Aware.

    Beside a backup.info, which it would have removed first, it has yet to begin.
    """

    @property
    def state(self) -> BackupState:
        """What the backup is good for."""
        if self.info is not None:
            return _STATES.get(self.info.status, BackupState.UNFINISHED)
        if self.has_info:
            return BackupState.UNREADABLE
        if self.deletion_begun is not None:
            return BackupState.DELETING
        return BackupState.UNFINISHED

    @property
    def is_complete(self) -> bool:
        """Tell whether it can be restored, as far as its backup.info says."""
        return self.state is BackupState.DONE

    @property
    def is_incremental(self) -> bool:
        """Tell whether it restores only together with an earlier backup (barman's)."""
        return self.info is not None and self.info.parent_backup_id is not None

    @property
    def name(self) -> str | None:
        """The name that was given to it."""
        if self.info is not None:
            return self.info.backup_name
        return self.started.backup_name if self.started is not None else None

    @property
    def stopped_at(self) -> datetime | None:
        """When it ended: from that moment on it can be recovered. Aware."""
        return self.info.end_time if self.info is not None else None

    def complete_info(self) -> BackupInfo:
        """Return the backup.info of a complete backup.

        Raises:
            DamagedError: backup.info cannot be read.
            OperationFailed: the backup is not complete.
        """
        if self.info is not None and self.is_complete:
            return self.info
        if self.state is BackupState.UNREADABLE:
            raise DamagedError(f"backup {self.backup_id}: {self.problem}")
        error = self.info.error if self.info is not None else None
        raise OperationFailed(
            f"backup {self.backup_id} is {self.state}, not complete"
            + (f": {error}" if error else "")
        )


_STATES = {
    BackupStatus.DONE: BackupState.DONE,
    BackupStatus.FAILED: BackupState.FAILED,
}
