"""What a deletion has taken away, or would, for people and as JSON."""

from collections.abc import Iterator

from cloudhoard.cli.output import binary_size
from cloudhoard.domain.deletion_report import DeletedBackup, DeletedWal, DeletionReport


def deletion_text(report: DeletionReport) -> str:
    """Return a line for each backup and for the WAL of each timeline, of a dry run."""
    lines = list(_lines(report))
    return "\n".join(lines) if lines else "nothing to delete"


def deletion_json(report: DeletionReport) -> dict[str, object]:
    """Return the object that cloudhoard-backup-delete(1) documents."""
    return {
        "dry_run": report.is_dry_run,
        "backups": [_backup(each) for each in report.backups],
        "wal": [_wal(each) for each in report.wal],
        "wal_kept_because": list(report.obstacles),
        "remaining": [
            {
                "backup_id": each.backup_id,
                "state": each.state.value,
                "verdict": report.verdicts.get(each.backup_id),
            }
            for each in report.remaining.backups
        ],
    }


def _lines(report: DeletionReport) -> Iterator[str]:
    for backup in report.backups:
        yield (
            f"would delete backup {backup.backup_id} ({backup.reason}):"
            f" {backup.objects} objects, {binary_size(backup.size)}"
        )
    for wal in report.wal:
        yield (
            f"would delete WAL from {wal.first} to {wal.last}:"
            f" {wal.objects} objects, {binary_size(wal.size)}"
        )


def _backup(backup: DeletedBackup) -> dict[str, object]:
    return {
        "backup_id": backup.backup_id,
        "reason": backup.reason.value,
        "objects": backup.objects,
        "bytes": backup.size,
    }


def _wal(wal: DeletedWal) -> dict[str, object]:
    return {
        "timeline": wal.timeline,
        "first": wal.first,
        "last": wal.last,
        "objects": wal.objects,
        "bytes": wal.size,
    }
