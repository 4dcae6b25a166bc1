"""Backups of another cluster, copied into an archive: they are nobody's redundancy.

A signature does not tell them apart where several clusters sign with one key.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from cloudhoard.domain.backup import Backup
from cloudhoard.domain.catalog import Catalog
from cloudhoard.domain.retention import has_snapshots
from cloudhoard.errors import OperationFailed


@dataclass(frozen=True, slots=True)
class ClusterConflict:
    """Complete backups of an archive are not of the cluster they should be of."""

    message: str
    """Names a backup and both system identifiers."""
    hint: str

    @classmethod
    def among(cls, backups: Iterable[Backup], owner: int | None) -> Self | None:
        """Return what is wrong with backups; None if nothing is.

        Args:
            backups: all that are there, of which complete ones are compared.
            owner: the system identifier of the archive; None where it has none, and
                then the backups are compared with each other.
        """
        compared = [each for each in backups if _is_compared(each)]
        for backup in compared:
            if is_of_another(backup, owner):
                return cls(
                    f"backup {backup.backup_id} is of the cluster with system"
                    f" identifier {system_of(backup)}, the archive belongs to"
                    f" {owner}",
                    f"as long as it is there nothing else is deleted; --backup-id"
                    f" {backup.backup_id} deletes it",
                )
            if owner is None and is_of_another(backup, system_of(compared[0])):
                return cls(
                    f"backup {backup.backup_id} is of the cluster with system"
                    f" identifier {system_of(backup)}, backup"
                    f" {compared[0].backup_id} of {system_of(compared[0])}",
                    "as long as both are there nothing else is deleted; --backup-id"
                    " deletes the one that does not belong here",
                )
        return None


def system_of(backup: Backup) -> int | None:
    """The system identifier of a backup's cluster; None if it does not say."""
    return backup.info.systemid if backup.info is not None else None


def is_of_another(backup: Backup, system_identifier: int | None) -> bool:
    """Whether the backup is surely not of the cluster of that system identifier."""
    of_backup = system_of(backup)
    return None not in (of_backup, system_identifier) and (
        of_backup != system_identifier
    )


def check_one_cluster(catalog: Catalog) -> None:
    """Return normally when all complete backups are of the archive's cluster.

    Raises:
        OperationFailed: one is of another; it would count in place of a genuine one.
    """
    conflict = ClusterConflict.among(catalog.backups, catalog.owner)
    if conflict is not None:
        raise OperationFailed(conflict.message, hint=conflict.hint)


def is_foreign(backup: Backup, catalog: Catalog) -> bool:
    """Whether the backup is what check_one_cluster complains of, or may be."""
    if catalog.owner is not None:
        return is_of_another(backup, catalog.owner)
    others = (each for each in catalog.backups if _is_compared(each))
    return _is_compared(backup) and any(
        is_of_another(backup, system_of(each)) for each in others
    )


def _is_compared(backup: Backup) -> bool:
    return (
        backup.is_complete
        and not has_snapshots(backup)
        and system_of(backup) is not None
    )
