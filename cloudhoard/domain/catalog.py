"""The base backups of one archive, and how the text of a user finds one of them."""

from collections.abc import Iterable
from datetime import datetime

from cloudhoard.domain.archive_layout import is_backup_id
from cloudhoard.domain.backup import Backup, BackupState
from cloudhoard.domain.backup_name import (
    AUTOMATIC_WORD,
    NEWEST_FAILED_WORD,
    NEWEST_WORDS,
    OLDEST_WORDS,
)
from cloudhoard.errors import OperationFailed, UsageError

_LIST_HINT = "cloudhoard-backup-list shows what there is"


class BackupNotFound(OperationFailed):
    """The archive holds no backup that is called so."""


class AmbiguousBackupName(OperationFailed):
    """The archive holds several backups of that name."""


class Catalog:
    """The backups of an archive, complete or not, in the order of their ids."""

    def __init__(self, backups: Iterable[Backup], *, owner: int | None = None) -> None:
        """Take what there is.

        Args:
            backups: in any order.
            owner: the system identifier of the archive's cluster, where it is known.
        """
        self.owner = owner
        self.backups = tuple(sorted(backups, key=lambda backup: backup.backup_id))

    @property
    def complete(self) -> tuple[Backup, ...]:
        """The backups that can be restored by themselves, by stop time."""
        timed = [
            (stopped_at, backup.backup_id, backup)
            for backup in self.backups
            if backup.is_complete
            and not backup.is_incremental
            and (stopped_at := backup.stopped_at) is not None
        ]
        return tuple(backup for _, _, backup in sorted(timed, key=_age))

    def resolve(self, text: str) -> Backup:
        """Return the backup that text names: an id, a word such as latest, or a name.

        Words are latest, last, oldest, first (by stop time, complete ones only),
        barman's latest-full and last-full, which mean the same here, and last-failed.
        A name means the complete backup of that name before any other.

        Raises:
            BackupNotFound: no backup is called so.
            AmbiguousBackupName: several are; the message has their ids.
            UsageError: auto, which only restore understands.
        """
        if is_backup_id(text):
            return self._by_id(text)
        if text in NEWEST_WORDS:
            return self._one_of(self.complete, -1, "complete")
        if text in OLDEST_WORDS:
            return self._one_of(self.complete, 0, "complete")
        if text == NEWEST_FAILED_WORD:
            failed = [b for b in self.backups if b.state is BackupState.FAILED]
            return self._one_of(failed, -1, "failed")
        if text == AUTOMATIC_WORD:
            raise UsageError("'auto' names a backup only in cloudhoard-restore")
        return self._by_name(text)

    def _by_id(self, backup_id: str) -> Backup:
        for backup in self.backups:
            if backup.backup_id == backup_id:
                return backup
        raise BackupNotFound(f"there is no backup {backup_id}", hint=_LIST_HINT)

    def _by_name(self, name: str) -> Backup:
        named = [backup for backup in self.backups if backup.name == name]
        found = [backup for backup in named if backup.is_complete] or named
        if not found:
            raise BackupNotFound(
                f"there is no backup with the id or name {name!r}", hint=_LIST_HINT
            )
        if len(found) > 1:
            ids = ", ".join(backup.backup_id for backup in found)
            raise AmbiguousBackupName(
                f"{len(found)} backups have the name {name!r}: {ids}",
                hint="give the id",
            )
        return found[0]

    def _one_of(self, backups: Iterable[Backup], position: int, kind: str) -> Backup:
        found = tuple(backups)
        if not found:
            raise BackupNotFound(f"there is no {kind} backup", hint=_LIST_HINT)
        return found[position]


def _age(timed: tuple[datetime, str, Backup]) -> tuple[datetime, str]:
    return timed[0], timed[1]
