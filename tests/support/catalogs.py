"""Backups as the catalog shows them, made up as values: no archive is needed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cloudhoard.domain.backup import Backup, KeepTarget
from cloudhoard.domain.backup_info import BackupInfo, BackupStatus
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.wal import WalSegment
from tests.support.made_up_backups import made_up_marker

NOW: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
SEGMENT_SIZE: Final = 16 << 20


def segment(number: int, timeline: int = 1) -> str:
    """Return the name of a segment of 16 MiB."""
    return WalSegment(timeline, number, SEGMENT_SIZE).name


def id_at(moment: datetime) -> str:
    """Return the id of a backup that began then."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%S}"


def info_at(
    age: timedelta, begin: int, *, end: int | None = None, timeline: int = 1
) -> BackupInfo:
    """Return the backup.info of a backup that stopped age before NOW.

    begin and end are the numbers of its first and last segment.
    """
    last = begin if end is None else end
    return BackupInfo(
        status=BackupStatus.DONE,
        begin_time=NOW - age - timedelta(minutes=1),
        begin_wal=segment(begin, timeline),
        begin_xlog=Lsn(begin * SEGMENT_SIZE + 40),
        end_time=NOW - age,
        end_wal=segment(last, timeline),
        end_xlog=Lsn(last * SEGMENT_SIZE + 256),
        timeline=timeline,
        xlog_segment_size=SEGMENT_SIZE,
    )


def complete(
    days: float,
    begin: int = 3,
    *,
    timeline: int = 1,
    end: int | None = None,
    keep: KeepTarget | None = None,
    **changes: Any,
) -> Backup:
    """Return a complete backup, days old; changes are fields of its backup.info."""
    age = timedelta(days=days)
    info = info_at(age, begin, end=end, timeline=timeline)
    return Backup(
        backup_id=id_at(NOW - age),
        info=replace(info, **changes),
        has_info=True,
        keep=keep,
        last_stored=NOW - age,
    )


def running(days: float, first: int = 3, *, timeline: int = 1) -> Backup:
    """Return a backup that has a marker only, and stored something days ago."""
    moment = NOW - timedelta(days=days)
    backup_id = id_at(moment)
    first_wal = segment(first, timeline)
    marker = made_up_marker(backup_id, first_wal=first_wal, started_at=moment)
    return Backup(backup_id=backup_id, started=marker, last_stored=moment)


def failed(days: float, begin: int = 3) -> Backup:
    """Return a backup that failed."""
    return complete(days, begin, status=BackupStatus.FAILED, error="broken")


def unreadable(days: float) -> Backup:
    """Return a backup whose backup.info says nothing."""
    moment = NOW - timedelta(days=days)
    return Backup(
        backup_id=id_at(moment), has_info=True, problem="broken", last_stored=moment
    )
