"""Backups of barman-cloud are chosen as ours are: ids do not count, ends do."""

from datetime import UTC, datetime
from typing import Final

import pytest

from cloudhoard.codec.decoding import Decoding
from cloudhoard.domain.backup_info import BackupInfo, BackupStatus
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.recovery_target import (
    Immediate,
    RecoveryTarget,
    TargetLsn,
    TargetTime,
    TargetTimeline,
    TargetXid,
    ToTheEnd,
)
from cloudhoard.domain.timeline import TimelineHistory, TimelineSwitch
from cloudhoard.errors import OperationFailed, UsageError
from cloudhoard.operations.choose_backup import choose_backup
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from tests.support.made_up_backups import put_info
from tests.support.stored_backup import PLAIN, store_object

# Barman names its backups by local time: when the clocks go back, the later backup
# has the smaller id.
EARLIER: Final = "20261025T025500"
LATER: Final = "20261025T021500"
ON_SECOND: Final = "20261025T080000"
FAILED: Final = "20261025T090000"


def moment(hour: int, minute: int) -> datetime:
    return datetime(2026, 10, 25, hour, minute, tzinfo=UTC)


def barmans(end_time: datetime, end_xlog: int, timeline: int = 1) -> BackupInfo:
    return BackupInfo(
        status=BackupStatus.DONE,
        end_time=end_time,
        end_xlog=Lsn(end_xlog),
        systemid=7710490735113798557,
        timeline=timeline,
    )


@pytest.fixture
def storage() -> MemoryStorage:
    """Timeline 2 left 1 at 0/5000000, in front of the end of no backup."""
    storage = MemoryStorage(MemoryContainer())
    put_info(storage, barmans(moment(0, 56), 0x3000100), EARLIER)
    put_info(storage, barmans(moment(1, 16), 0x4000100), LATER)
    put_info(storage, barmans(moment(7, 1), 0x7000100, timeline=2), ON_SECOND)
    put_info(storage, BackupInfo(status=BackupStatus.FAILED, timeline=2), FAILED)
    history = TimelineHistory(2, (TimelineSwitch(1, Lsn(0x5000000)),))
    key = "wals/00000002.history.zst"
    store_object(storage, key, history.render().encode(), PLAIN)
    return storage


def choose(
    storage: MemoryStorage,
    target: RecoveryTarget,
    timeline: TargetTimeline = "latest",
    text: str = "auto",
) -> str:
    return choose_backup(storage, text, Decoding(), target, timeline)


@pytest.mark.parametrize(
    ("target", "timeline", "chosen"),
    [
        (ToTheEnd(), "latest", ON_SECOND),
        (Immediate(), "latest", ON_SECOND),
        (ToTheEnd(), 1, LATER),
        (TargetTime(moment(1, 16)), "latest", LATER),
        (TargetTime(moment(1, 15)), "latest", EARLIER),
        (TargetTime(moment(23, 0)), 1, LATER),
        (TargetLsn(Lsn(0x7000100)), "latest", ON_SECOND),
        (TargetLsn(Lsn(0x70000FF)), "latest", LATER),
        (TargetLsn(Lsn(0x40000FF)), 1, EARLIER),
    ],
)
def test_auto(
    storage: MemoryStorage,
    target: RecoveryTarget,
    timeline: TargetTimeline,
    chosen: str,
) -> None:
    assert choose(storage, target, timeline) == chosen


def test_first_recoverable_point_is_the_earliest_end(storage: MemoryStorage) -> None:
    with pytest.raises(OperationFailed) as caught:
        choose(storage, TargetTime(moment(0, 30)))
    assert caught.value.message == (
        "the target 2026-10-25 00:30:00+00:00 is before the first recoverable point,"
        f" 2026-10-25 00:56:00+00:00, the end of backup {EARLIER}"
    )

    with pytest.raises(OperationFailed, match=r"first recoverable point, 0/3000100"):
        choose(storage, TargetLsn(Lsn(0x3000000)))


def test_named_backup_is_held_to_the_target_and_the_timeline(
    storage: MemoryStorage,
) -> None:
    assert choose(storage, TargetXid(742), 1, LATER) == LATER
    with pytest.raises(OperationFailed, match="ends at 0/4000100, after the target"):
        choose(storage, TargetLsn(Lsn(0x4000000)), text=LATER)
    with pytest.raises(OperationFailed, match="not in the history of timeline 1"):
        choose(storage, ToTheEnd(), 1, ON_SECOND)
    with pytest.raises(OperationFailed, match="not complete"):
        choose(storage, ToTheEnd(), text=FAILED)


def test_auto_is_refused_before_anything_is_read() -> None:
    nothing = MemoryStorage(MemoryContainer())

    with pytest.raises(UsageError, match="only the WAL says where that is"):
        choose(nothing, TargetXid(742))
    with pytest.raises(UsageError, match="auto leaves open"):
        choose(nothing, ToTheEnd(), "current")


def test_archive_without_backups(storage: MemoryStorage) -> None:
    with pytest.raises(OperationFailed, match="there is no complete backup"):
        choose(MemoryStorage(MemoryContainer()), ToTheEnd())
    with pytest.raises(OperationFailed, match="timeline 7 is not known"):
        choose(storage, ToTheEnd(), 7)
