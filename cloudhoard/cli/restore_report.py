"""What restore says when it is done."""

from cloudhoard.cli.output import binary_size, print_json, print_text
from cloudhoard.domain.recovery_settings import RecoverySettings
from cloudhoard.domain.recovery_target import ToTheEnd, target_text
from cloudhoard.operations.restorable import RestorableBackup
from cloudhoard.operations.restore_backup import RestorePlan


def print_restored(backup: RestorableBackup, plan: RestorePlan) -> None:
    """Print for people where the backup is, and what comes next."""
    files, size = backup.restored()
    print_text(
        f"backup {backup.backup_id} restored to {plan.directories.data}:"
        f" {files} files, {binary_size(size)}"
    )
    if plan.settings.recovery is not None:
        print_text(_next_step(plan.settings.recovery))


def print_restored_json(backup: RestorableBackup, plan: RestorePlan) -> None:
    """Print the object that cloudhoard-restore(1) documents."""
    files, size = backup.restored()
    directories = plan.directories
    wal, config = directories.wal, directories.config
    print_json(
        {
            "backup_id": backup.backup_id,
            "restored_at": plan.restored_at.isoformat(),
            "data_directory": str(directories.data),
            "tablespaces": {
                oid: str(path) for oid, path in directories.tablespaces.items()
            },
            "wal_directory": None if wal is None else str(wal),
            "config_directory": None if config is None else str(config),
            "files": files,
            "size": size,
            "recovery": _recovery_object(plan.settings.recovery),
        }
    )


def _recovery_object(recovery: RecoverySettings | None) -> dict[str, object] | None:
    """By PostgreSQL's own names, without what is only switched off."""
    if recovery is None:
        return None
    settings = {name: value for name, value in recovery.as_settings() if value}
    return {"signal_file": recovery.signal_name, "settings": settings}


def _next_step(recovery: RecoverySettings) -> str:
    if recovery.standby is not None:
        followed = "primary" if recovery.standby.primary_conninfo else "archive"
        return f"start PostgreSQL to follow the {followed} as a standby"
    where = target_text(recovery.target)
    if recovery.target != ToTheEnd():
        side = "" if recovery.inclusive else "just before "
        where = f"{side}{where}, then {recovery.action}"
    return f"start PostgreSQL to recover to {where}"
