import pytest

from cloudhoard.codec.decoding import Decoding
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.recovery_target import TargetTimeline
from cloudhoard.domain.timeline import TimelineHistory, TimelineSwitch
from cloudhoard.errors import DamagedError, OperationFailed
from cloudhoard.operations.target_timeline import read_target_history
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from tests.support.stored_backup import PLAIN, store_object

SECOND = TimelineHistory(2, (TimelineSwitch(1, Lsn(0x5000000), "promoted"),))
THIRD = TimelineHistory(3, (*SECOND.switches, TimelineSwitch(2, Lsn(0x7000000), "too")))


@pytest.fixture
def storage() -> MemoryStorage:
    storage = MemoryStorage(MemoryContainer())
    for history in (SECOND, THIRD):
        key = f"wals/{history.timeline:08X}.history.zst"
        store_object(storage, key, history.render().encode(), PLAIN)
    return storage


def read(
    storage: MemoryStorage, choice: TargetTimeline, backup_timeline: int = 1
) -> TimelineHistory:
    return read_target_history(
        storage,
        Decoding(),
        choice,
        backup_timeline=backup_timeline,
        system_identifier=None,
    )


def test_latest_is_the_end_of_the_unbroken_row(storage: MemoryStorage) -> None:
    key = "wals/00000005.history.zst"
    store_object(storage, key, THIRD.render().encode(), PLAIN)

    assert read(storage, "latest") == THIRD
    assert read(storage, "latest", backup_timeline=2) == THIRD


def test_current_is_the_backups_own(storage: MemoryStorage) -> None:
    assert read(storage, "current") == TimelineHistory(1)
    assert read(storage, "current", backup_timeline=2) == SECOND


def test_number_is_that_timeline(storage: MemoryStorage) -> None:
    assert read(storage, 2) == SECOND
    assert read(storage, 1, backup_timeline=3) == TimelineHistory(1)


def test_backups_own_timeline_needs_no_history_file() -> None:
    # The archive may have been set up after that promotion.
    assert read(
        MemoryStorage(MemoryContainer()), 4, backup_timeline=4
    ) == TimelineHistory(4)
    assert read(
        MemoryStorage(MemoryContainer()), "latest", backup_timeline=4
    ) == TimelineHistory(4)


def test_timeline_that_is_not_known_is_refused(storage: MemoryStorage) -> None:
    with pytest.raises(OperationFailed, match="timeline 9 is not known"):
        read(storage, 9)


def test_damaged_history_is_found(storage: MemoryStorage) -> None:
    store_object(storage, "wals/00000004.history.zst", b"1\tnonsense\n", PLAIN)

    with pytest.raises(DamagedError):
        read(storage, "latest")
