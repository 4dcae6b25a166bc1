"""Which WAL the backups of an archive need; the rest may go when a backup goes.

A backup needs its WAL from its first segment on: on its own timeline, and on every
later one, as any of those may branch off behind it. Which of them really do is
written in history files, and those of an encrypted archive cannot be read without the
private key; so the timelines' numbers decide, which only grow, and some WAL of dead
branches stays a little longer. A backup never needs WAL of earlier timelines.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cloudhoard.domain.backup import Backup, BackupState
from cloudhoard.domain.backup_info import BackupInfo, BackupStatus
from cloudhoard.domain.retention import Verdict, has_snapshots, is_from_the_future
from cloudhoard.domain.wal import WalSegment
from cloudhoard.domain.wal_file import WalFile, WalFileKind, split_segment_name
from cloudhoard.errors import CloudHoardError

DEAD_AFTER: Final = timedelta(days=7)
"""A backup that has stored nothing for so long does not come to an end any more."""

_NEVER_DEAD: Final = {BackupStatus.WAITING_FOR_WALS, BackupStatus.SYNCING}
"""Barman's own: complete but for WAL, or on their way to another place."""


@dataclass(frozen=True, slots=True)
class WalNeed:
    """The WAL that one backup needs, on its timeline and on every later one.

    A backup taken from a standby may even end on a later timeline than its own.
    """

    backup_id: str
    first: str
    """Name of a segment."""
    last: str | None = None
    """Name of a segment; its timeline is of no meaning. None: there is no end."""

    def includes(self, segment: str) -> bool:
        """Whether the segment of that name is needed."""
        timeline, position = split_segment_name(segment)
        first_timeline, first = split_segment_name(self.first)
        is_before_end = (
            self.last is None or position <= split_segment_name(self.last)[1]
        )
        return timeline >= first_timeline and position >= first and is_before_end


@dataclass(frozen=True, slots=True, kw_only=True)
class WalCleanup:
    """What the backups that remain need."""

    needs: tuple[WalNeed, ...]
    obstacles: tuple[str, ...] = ()
    """Why no WAL at all may be deleted, in the operator's words."""

    def is_needed(self, file: WalFile) -> bool:
        """Whether a WAL file has to stay; histories always do, they are small."""
        if self.obstacles or file.kind is WalFileKind.HISTORY:
            return True
        segment = file.segment_name
        return segment is None or any(need.includes(segment) for need in self.needs)

    def is_all_needed_from(self, segment: str) -> bool:
        """Whether all its timeline's WAL is needed from the segment of that name on."""
        endless = (need for need in self.needs if need.last is None)
        return any(need.includes(segment) for need in endless)


class _Unknown(Exception):
    """Which WAL a backup needs cannot be told; the message says why."""


def plan_cleanup(
    remaining: Iterable[Backup], verdicts: Mapping[str, Verdict], *, now: datetime
) -> WalCleanup:
    """Return what the remaining backups need.

    Args:
        remaining: all that are in the archive, but for those that are being deleted.
        verdicts: by backup id; a backup without one is treated as VALID.
        now: aware, by the clock of the store.
    """
    needs: list[WalNeed] = []
    obstacles: list[str] = []
    sizes: set[int] = set()
    has_anchor = False
    for backup in remaining:
        verdict = verdicts.get(backup.backup_id, Verdict.VALID)
        try:
            need = _need_of(backup, verdict, now)
        except _Unknown as unknown:
            obstacles.append(f"backup {backup.backup_id}: {unknown}")
            continue
        if need is not None:
            needs.append(need)
            sizes |= {backup.info.xlog_segment_size} if backup.info else set()
            has_anchor |= need.last is None and _is_anchor(backup, now)
    if not has_anchor:
        obstacles.append("no complete backup is left from which WAL could be replayed")
    if len(sizes) > 1:
        obstacles.append("the backups differ in the size of their WAL segments")
    return WalCleanup(needs=tuple(needs), obstacles=tuple(obstacles))


def _is_anchor(backup: Backup, now: datetime) -> bool:
    return (
        backup.is_complete
        and not backup.is_incremental
        and not has_snapshots(backup)
        and not is_from_the_future(backup, now)
    )


def _need_of(backup: Backup, verdict: Verdict, now: datetime) -> WalNeed | None:
    match backup.state:
        case BackupState.FAILED | BackupState.DELETING:
            return None
        case BackupState.DONE:
            last = None
            if verdict is Verdict.KEPT_STANDALONE:
                last = _last_segment(backup)
            return WalNeed(backup.backup_id, _first_segment(backup), last)
        case BackupState.UNFINISHED if not _may_end(backup, now):
            return None
        case BackupState.UNFINISHED | BackupState.UNREADABLE:
            return WalNeed(backup.backup_id, _first_segment(backup))


def is_alive(backup: Backup, now: datetime, *, within: timedelta) -> bool:
    """Whether something of the backup was stored within so long before now."""
    stored_at = backup.last_stored
    return stored_at is None or stored_at > now - within


def _may_end(backup: Backup, now: datetime) -> bool:
    if backup.info is not None and backup.info.status in _NEVER_DEAD:
        return True
    return is_alive(backup, now, within=DEAD_AFTER)


def _first_segment(backup: Backup) -> str:
    """The first segment that backup may need: the earlier one of what it says."""
    said = []
    if backup.info is not None:
        said = _first_of_info(backup.info)
    elif backup.started is not None:
        said = [backup.started.first_wal]
    if not said:
        raise _Unknown(
            backup.problem or f"it is {backup.state} and does not say where it begins"
        )
    if len({split_segment_name(name)[0] for name in said}) > 1:
        raise _Unknown("its first segment is not on its timeline")
    return min(said)


def _first_of_info(info: BackupInfo) -> list[str]:
    said = [info.begin_wal] if info.begin_wal is not None else []
    if info.begin_xlog is not None and info.timeline is not None:
        try:
            segment = WalSegment.containing(
                info.begin_xlog,
                timeline=info.timeline,
                segment_size=info.xlog_segment_size,
            )
        except CloudHoardError as error:
            raise _Unknown(error.message) from error
        said.append(segment.name)
    return said


def _last_segment(backup: Backup) -> str:
    last = backup.info.end_wal if backup.info is not None else None
    if (
        last is None
        or split_segment_name(last)[1] < split_segment_name(_first_segment(backup))[1]
    ):
        raise _Unknown("it does not say where it ends")
    return last
