"""From what the operator says to the backup that a recovery starts from."""

from collections.abc import Iterable

from cloudhoard.codec.decoding import Decoding
from cloudhoard.domain.backup import Backup
from cloudhoard.domain.backup_choice import (
    RestorePoint,
    check_automatic,
    check_point,
    choose_point,
    is_before,
)
from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.backup_name import AUTOMATIC_WORD
from cloudhoard.domain.recovery_target import RecoveryTarget, TargetTimeline
from cloudhoard.errors import InvalidFormat, OperationFailed
from cloudhoard.operations.read_catalog import find_backup, read_catalog
from cloudhoard.operations.target_timeline import read_target_history
from cloudhoard.storage.protocol import ReadableStorage


def choose_backup(
    storage: ReadableStorage,
    text: str,
    decoding: Decoding,
    target: RecoveryTarget,
    timeline: TargetTimeline,
) -> str:
    """The id of the backup that text names, from which the target can be reached.

    text is an id, a name, a word such as latest, or auto, which is the newest backup
    on the timeline's history before the target.

    Raises:
        OperationFailed: there is no such backup, or it does not lead to the target.
        DamagedError: its backup.info cannot be read or trusted.
        UsageError: auto cannot be combined with that target or timeline.
    """
    if text == AUTOMATIC_WORD:
        return _automatic(storage, decoding, target, timeline)
    backup = find_backup(storage, text, trust=decoding)
    info = backup.complete_info()
    point = RestorePoint.of(backup.backup_id, info)
    if point is None:
        raise InvalidFormat(f"backup.info of {backup.backup_id} has no end")
    history = read_target_history(
        storage,
        decoding,
        timeline,
        backup_timeline=point.timeline,
        system_identifier=info.systemid,
    )
    # The others matter for the message only.
    points = [point] if is_before(point, target) else _points(storage, decoding)
    check_point(point, points, target, history)
    return backup.backup_id


def _automatic(
    storage: ReadableStorage,
    decoding: Decoding,
    target: RecoveryTarget,
    timeline: TargetTimeline,
) -> str:
    check_automatic(target, timeline)
    complete = read_catalog(storage, trust=decoding).complete
    points = list(_restore_points(complete))
    if not points:
        raise OperationFailed(
            f"there is no complete backup in {storage.location}",
            hint="see cloudhoard-backup-list",
        )
    history = read_target_history(
        storage,
        decoding,
        timeline,
        backup_timeline=max(point.timeline for point in points),
        system_identifier=_info(complete[-1]).systemid,
    )
    return choose_point(points, target, history).backup_id


def _points(storage: ReadableStorage, decoding: Decoding) -> list[RestorePoint]:
    return list(_restore_points(read_catalog(storage, trust=decoding).complete))


def _restore_points(backups: Iterable[Backup]) -> Iterable[RestorePoint]:
    for backup in backups:
        point = RestorePoint.of(backup.backup_id, _info(backup))
        if point is not None:
            yield point


def _info(backup: Backup) -> BackupInfo:
    return backup.complete_info()
