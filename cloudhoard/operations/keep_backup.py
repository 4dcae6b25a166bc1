"""Keeping a backup from being deleted, whatever the retention policy says."""

import logging

from cloudhoard.domain.archive_layout import (
    backup_info_key,
    backup_prefix,
    deleting_key,
    keep_key,
)
from cloudhoard.domain.backup import Backup, KeepTarget
from cloudhoard.errors import OperationFailed
from cloudhoard.storage.protocol import Storage

_log = logging.getLogger(__name__)


def keep_backup(storage: Storage, backup: Backup, target: KeepTarget) -> None:
    """Annotate backup, which stays from now on.

    The annotation is the one object that may be replaced: by another target.

    Raises:
        OperationFailed: the backup is not complete, or a deletion of it has begun.
        DamagedError: its backup.info cannot be read.
    """
    backup.complete_info()
    if backup.keep is target:
        return  # a deletion that has begun since then will see it
    _annotate(storage, backup, target)
    # A deletion first makes its marker, then looks for the annotation; we do it the
    # other way round, so that one of the two sees the other.
    found = {each.key for each in storage.list_objects(backup_prefix(backup.backup_id))}
    is_there = backup_info_key(backup.backup_id) in found
    if is_there and deleting_key(backup.backup_id) not in found:
        return
    _withdraw(storage, backup)
    if not is_there:
        raise OperationFailed(f"backup {backup.backup_id} was deleted meanwhile")
    raise OperationFailed(
        f"a deletion of backup {backup.backup_id} has begun",
        hint="if it was interrupted and the backup is to stay, remove"
        f" {deleting_key(backup.backup_id)} and try again",
    )


def release_backup(storage: Storage, backup: Backup) -> None:
    """Leave backup to the retention policy, as if it had never been kept."""
    storage.delete_objects([keep_key(backup.backup_id)])


def _annotate(storage: Storage, backup: Backup, target: KeepTarget) -> None:
    content = target.value.encode()  # no line feed: barman would take it for a part
    key = keep_key(backup.backup_id)
    with storage.open_write(key, at_most=len(content), overwrite=True) as sink:
        sink.write(content)


def _withdraw(storage: Storage, backup: Backup) -> None:
    _log.info("backup %s: taking the annotation back", backup.backup_id)
    if backup.keep is None:
        release_backup(storage, backup)
    else:
        _annotate(storage, backup, backup.keep)
