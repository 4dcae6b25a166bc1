"""Which backup a recovery starts from, and whether it can reach its target from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.recovery_target import (
    Immediate,
    RecoveryTarget,
    TargetLsn,
    TargetName,
    TargetTime,
    TargetTimeline,
    TargetXid,
    ToTheEnd,
    target_text,
)
from cloudhoard.domain.timeline import TimelineHistory
from cloudhoard.errors import OperationFailed, UsageError

_NO_POSITION: Final = Lsn(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """A complete backup, seen as the place where a recovery begins."""

    backup_id: str
    timeline: int
    stop_lsn: Lsn
    """From here on the restored cluster is consistent."""
    stopped_at: datetime
    """Aware; the first moment that can be recovered from this backup."""

    @classmethod
    def of(cls, backup_id: str, info: BackupInfo) -> Self | None:
        """The point of a backup, None where its backup.info leaves it open."""
        if info.timeline is None or info.end_xlog is None or info.end_time is None:
            return None
        return cls(
            backup_id=backup_id,
            timeline=info.timeline,
            stop_lsn=info.end_xlog,
            stopped_at=info.end_time,
        )


def check_automatic(target: RecoveryTarget, timeline: TargetTimeline) -> None:
    """Refuse to choose a backup for a target that does not say where it lies.

    Where a transaction ended only the WAL says, and the name of a restore point may
    have been given twice. From a backup that is too new PostgreSQL would replay all
    the WAL there is and then refuse, or stop at the other point of that name.

    Raises:
        UsageError: the target or the timeline depends on the backup.
    """
    if timeline == "current":
        raise UsageError(
            "--target-tli current is the backup's own timeline, and auto leaves open"
            " which backup that is",
            hint="name the backup or the timeline",
        )
    if isinstance(target, TargetXid | TargetName):
        raise UsageError(
            "auto cannot tell which backups ended before"
            f" {target_text(target)}: only the WAL says where that is",
            hint="name the newest backup that ended before it, see"
            " cloudhoard-backup-list; or give --target-time or --target-lsn",
        )


def choose_point(
    points: Iterable[RestorePoint],
    target: RecoveryTarget,
    history: TimelineHistory,
) -> RestorePoint:
    """The newest point that lies on history before the target.

    history is that of the timeline to recover along.

    Raises:
        OperationFailed: there is none; the message has the first point that could be
            recovered, where there is one.
    """
    known = list(points)
    reachable = [point for point in known if lies_on(point, history)]
    if not reachable:
        ends = sorted({point.timeline for point in known})
        raise OperationFailed(
            f"no complete backup lies on the history of timeline {history.timeline}",
            hint=f"those there are end on timeline {', '.join(map(str, ends))}; choose"
            " it with --target-tli",
        )
    before = [point for point in reachable if is_before(point, target)]
    if not before:
        raise _before_the_first(target, reachable)
    return max(before, key=lambda point: _age(point, target))


def check_point(
    point: RestorePoint,
    points: Iterable[RestorePoint],
    target: RecoveryTarget,
    history: TimelineHistory,
) -> None:
    """Refuse a point from which the target cannot be reached along history.

    points are all there are, for the message.

    Raises:
        OperationFailed: it lies on another branch, or ends after the target.
    """
    if not lies_on(point, history):
        raise OperationFailed(
            f"backup {point.backup_id} ends on timeline {point.timeline} at"
            f" {point.stop_lsn}, which is not in the history of timeline"
            f" {history.timeline}",
            hint=f"recover along its own timeline: --target-tli {point.timeline}",
        )
    if is_before(point, target):
        return
    reachable = [other for other in points if lies_on(other, history)]
    if not any(is_before(other, target) for other in reachable):
        raise _before_the_first(target, (*reachable, point))
    raise OperationFailed(
        f"backup {point.backup_id} ends at {_end_text(point, target)}, after the"
        f" target {target_text(target)}",
        hint="use the backup auto, which is the newest one before the target",
    )


def lies_on(point: RestorePoint, history: TimelineHistory) -> bool:
    """Whether the WAL of history's timeline leads through the end of a backup."""
    if point.timeline == history.timeline:
        return True
    left_at = history.end_of(point.timeline)
    return left_at is not None and point.stop_lsn <= left_at


def is_before(point: RestorePoint, target: RecoveryTarget) -> bool:
    """Whether a recovery from the point can stop at the target, as far as is known.

    Where a transaction or a restore point lies is not: PostgreSQL ends with an error
    where it has not come across it.
    """
    match target:
        case ToTheEnd() | Immediate() | TargetXid() | TargetName():
            return True
        case TargetTime():
            return point.stopped_at <= target.at
        case TargetLsn():
            return point.stop_lsn <= target.lsn


def _before_the_first(
    target: RecoveryTarget, points: Iterable[RestorePoint]
) -> OperationFailed:
    first = min(points, key=lambda point: _age(point, target))
    return OperationFailed(
        f"the target {target_text(target)} is before the first recoverable point,"
        f" {_end_text(first, target)}, the end of backup {first.backup_id}"
    )


def _end_text(point: RestorePoint, target: RecoveryTarget) -> str:
    """Where a backup ends, on the scale of the target."""
    if isinstance(target, TargetLsn):
        return str(point.stop_lsn)
    return _shown(point.stopped_at)


def _shown(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(sep=" ")


def _age(point: RestorePoint, target: RecoveryTarget) -> tuple[Lsn, datetime, str]:
    """What is newer has more of it; for a position the clocks do not count."""
    position = point.stop_lsn if isinstance(target, TargetLsn) else _NO_POSITION
    return position, point.stopped_at, point.backup_id
