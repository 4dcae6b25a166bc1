"""Deletions that are killed, refused, or not alone: nothing is ever half there."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

import pytest

from cloudhoard.domain.archive_layout import (
    IDENTITY_KEY,
    backup_info_key,
    backup_prefix,
    deleting_key,
    keep_key,
    started_key,
    wal_key,
)
from cloudhoard.domain.backup import KeepTarget
from cloudhoard.domain.backup_info import BackupStatus
from cloudhoard.domain.deletion_choice import Chooser, ObsoleteBackups, OneBackup
from cloudhoard.domain.json_object import JsonObject
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.retention import RecoveryWindow, Redundancy
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.delete_backups import DeletionSettings, delete_backups
from cloudhoard.operations.keep_backup import keep_backup
from cloudhoard.operations.read_catalog import find_backup, read_catalog
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.errors import AccessDenied, ObjectExists, StorageUnavailable
from cloudhoard.storage.protocol import ObjectInfo, Storage
from cloudhoard.streams import ByteSink
from tests.support.catalogs import SEGMENT_SIZE, id_at, segment
from tests.support.made_up_backups import (
    SYSTEM_IDENTIFIER,
    made_up_info,
    made_up_marker,
    put_identity,
    put_info,
)
from tests.support.storages import RecordingStorage
from tests.support.stores import get, keys, put

NOW: Final = datetime.now(UTC)
BEGINS: Final = (2, 5, 8)
"""First segments of the three backups of every archive here."""
OLD, MIDDLE, NEW = (id_at(NOW - timedelta(days=days)) for days in (9, 6, 3))
KEEP_ONE: Final = ObsoleteBackups(Redundancy(1))


@pytest.fixture
def container() -> MemoryContainer:
    container = MemoryContainer()
    storage = MemoryStorage(container)
    put_identity(storage)
    for days, begin in zip((9, 6, 3), BEGINS, strict=True):
        store_backup(storage, days, begin)
    for number in range(12):
        put(storage, wal_key(segment(number)) + ".zst")
    long_ago = NOW - timedelta(days=20)
    for key, (content, _) in container.objects.items():
        container.objects[key] = (content, long_ago)
    return container


def store_backup(storage: Storage, days: int, begin: int) -> None:
    stopped_at = NOW - timedelta(days=days)
    backup_id = id_at(stopped_at)
    put(storage, started_key(backup_id), made_up_marker(backup_id).to_json())
    for name in ("data.tar.zst", "data_0001.tar.zst", "backup_manifest.zst"):
        put(storage, backup_prefix(backup_id) + name)
    info = made_up_info(
        backup_id,
        begin_wal=segment(begin),
        begin_xlog=Lsn(begin * SEGMENT_SIZE + 40),
        end_wal=segment(begin),
        end_xlog=Lsn(begin * SEGMENT_SIZE + 256),
        end_time=stopped_at,
    )
    put_info(storage, info, backup_id)


def delete(storage: Storage, chooser: Chooser = KEEP_ONE, batch: int = 2) -> list[str]:
    """Delete; return the ids of what went."""
    report = delete_backups(storage, chooser, DeletionSettings(batch_size=batch))
    return [each.backup_id for each in report.backups]


def complete_ids(storage: Storage) -> set[str]:
    catalog = read_catalog(storage, trust=None)
    return {each.backup_id for each in catalog.complete}


def check_that_what_is_listed_restores(storage: Storage) -> None:
    """Every backup that is shown as complete has all its objects and all its WAL."""
    found = keys(storage)
    for backup in read_catalog(storage, trust=None).complete:
        for name in ("data.tar.zst", "data_0001.tar.zst", "backup_manifest.zst"):
            assert backup_prefix(backup.backup_id) + name in found
        assert backup.info is not None
        assert backup.info.begin_wal is not None
        begin = int(backup.info.begin_wal, 16) & 0xFF
        assert {wal_key(segment(n)) + ".zst" for n in range(begin, 12)} <= set(found)


class Watched(RecordingStorage):
    """Keeps, besides requests, what was deleted, and calls hooks after a creation."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self.after_put: dict[str, Callable[[], None]] = {}

    def delete_objects(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        self.requests += [f"DELETE {key}" for key in wanted]
        super().delete_objects(wanted)

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        with super().open_write(key, at_most=at_most, overwrite=overwrite) as sink:
            yield sink
        self.after_put.pop(key, lambda: None)()


def test_backup_info_goes_first_its_marker_last_and_wal_in_between(
    container: MemoryContainer,
) -> None:
    storage = Watched(MemoryStorage(container))

    assert delete(storage, OneBackup(OLD)) == [OLD]

    writes = [r for r in storage.requests if r.startswith(("PUT", "DELETE"))]
    assert writes[0].startswith("PUT cloudhoard/clock/")
    assert writes[1].startswith("DELETE cloudhoard/clock/")
    assert writes[2:4] == [
        f"PUT {deleting_key(OLD)}",
        f"DELETE {backup_info_key(OLD)}",
    ]
    assert all(r.startswith(f"DELETE base/{OLD}/") for r in writes[4:8])
    assert writes[8:] == [
        *(f"DELETE {wal_key(segment(n))}.zst" for n in range(5)),
        f"DELETE {deleting_key(OLD)}",
    ]


def test_keeps_are_read_after_the_marker_is_there(container: MemoryContainer) -> None:
    storage = Watched(MemoryStorage(container))

    delete(storage, OneBackup(OLD))

    marked = storage.requests.index(f"PUT {deleting_key(OLD)}")
    gone = storage.requests.index(f"DELETE {backup_info_key(OLD)}")
    assert f"LIST base/{OLD}/" in storage.requests[marked:gone]


def test_the_marker_has_a_copy_of_backup_info(container: MemoryContainer) -> None:
    storage = Watched(MemoryStorage(container))
    info = get(storage, backup_info_key(OLD))
    copies: list[bytes] = []
    storage.after_put[deleting_key(OLD)] = lambda: copies.append(
        get(storage, deleting_key(OLD))
    )

    delete(storage, OneBackup(OLD))

    document = JsonObject.parse(copies[0], "deleting.json", at_most=1 << 20)
    assert document.text("backup_info").encode() == info
    assert document.text("backup_id") == OLD


class Killed(BaseException):
    """Nothing of the process runs any more."""


class KilledStorage(Watched):
    """After so many changes the process is dead; the last one may have arrived."""

    def __init__(self, storage: Storage, *, after: int, arrives: bool) -> None:
        super().__init__(storage)
        self._left = after
        self._arrives = arrives

    def _live(self) -> bool:
        """Tell whether a change takes place; raise if the process is dead."""
        self._left -= 1
        if self._left < 0:
            raise Killed
        return self._left > 0

    def delete_objects(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        lives = self._live()
        if lives or self._arrives:
            # A request that deletes several may have come half its way.
            super().delete_objects(wanted if lives else wanted[: len(wanted) // 2 + 1])
        if not lives:
            raise Killed

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        lives = self._live()
        if lives or self._arrives:
            with super().open_write(key, at_most=at_most, overwrite=overwrite) as sink:
                yield sink
        if not lives:
            raise Killed


@pytest.mark.parametrize("arrives", [False, True])
@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_killed_anywhere_nothing_is_half_there_and_the_next_run_finishes(
    container: MemoryContainer, *, batch: int, arrives: bool
) -> None:
    before = dict(container.objects)
    delete(MemoryStorage(container), batch=batch)
    expected = set(container.objects)
    for after in count(1):
        container.objects = dict(before)
        storage = MemoryStorage(container)
        killed = KilledStorage(storage, after=after, arrives=arrives)
        try:
            delete(killed, batch=batch)
        except Killed:
            pass
        else:
            break
        check_that_what_is_listed_restores(storage)
        assert NEW in complete_ids(storage)

        delete(storage, batch=batch)
        left = {k for k in container.objects if not k.startswith("cloudhoard/clock/")}
        assert left == expected, f"killed after {after} changes"
    assert after > 8


class DenyingStorage(Watched):
    """Refuses to delete some keys."""

    def __init__(self, storage: Storage, *denied: str) -> None:
        super().__init__(storage)
        self._denied = denied

    def delete_objects(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        for key in wanted:
            if key.startswith(self._denied):
                raise AccessDenied(f"cannot delete {key}")
        super().delete_objects(wanted)


@pytest.mark.parametrize(
    "denied", [(backup_info_key(OLD),), ("base/2",), ("base/", "wals/")]
)
def test_a_refused_deletion_of_backup_info_changes_nothing(
    container: MemoryContainer, denied: tuple[str, ...]
) -> None:
    before = set(container.objects)
    storage = DenyingStorage(MemoryStorage(container), *denied)

    with pytest.raises(AccessDenied):
        delete(storage)

    markers = {deleting_key(OLD), deleting_key(MIDDLE)}
    assert set(container.objects) - markers == before
    if len(denied[0]) > len("base/2"):
        assert set(container.objects) == before
    check_that_what_is_listed_restores(storage)
    assert complete_ids(storage) == {OLD, MIDDLE, NEW}


def test_who_may_not_delete_at_all_leaves_no_marker(container: MemoryContainer) -> None:
    storage = DenyingStorage(MemoryStorage(container), "")
    before = set(container.objects)

    with pytest.raises(AccessDenied):
        delete(storage)

    new = set(container.objects) - before
    assert all(key.startswith("cloudhoard/clock/") for key in new)


@pytest.mark.parametrize(
    "denied",
    [f"base/{OLD}/data", "wals/", deleting_key(OLD)],
    # Workers must agree on the names of tests, and ids are of the time.
    ids=["volume", "wal", "marker"],
)
def test_what_was_refused_later_is_an_error_and_done_by_the_next_run(
    container: MemoryContainer, denied: str
) -> None:
    storage = MemoryStorage(container)
    with pytest.raises(AccessDenied):
        delete(DenyingStorage(storage, denied))
    assert OLD not in complete_ids(storage)
    check_that_what_is_listed_restores(storage)

    delete(storage)

    assert complete_ids(storage) == {NEW}
    assert not [key for key in keys(storage) if OLD in key or MIDDLE in key]
    assert keys(storage, "wals/") == [
        wal_key(segment(number)) + ".zst" for number in range(8, 12)
    ]


class SkewedStorage(Watched):
    """A store whose clock is not ours."""

    def __init__(self, container: MemoryContainer, ahead: timedelta) -> None:
        super().__init__(MemoryStorage(container))
        self._container = container
        self._ahead = ahead

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        with super().open_write(key, at_most=at_most, overwrite=overwrite) as sink:
            yield sink
        content, modified = self._container.objects[key]
        self._container.objects[key] = (content, modified + self._ahead)


@pytest.mark.parametrize("minutes", [16, -16])
@pytest.mark.parametrize("policy", [Redundancy(1), RecoveryWindow(timedelta(days=1))])
def test_with_a_wrong_clock_no_policy_is_applied(
    container: MemoryContainer, minutes: int, policy: Redundancy | RecoveryWindow
) -> None:
    storage = SkewedStorage(container, timedelta(minutes=minutes))
    before = dict(container.objects)

    with pytest.raises(OperationFailed, match="the clock of this host") as error:
        delete(storage, ObsoleteBackups(policy))

    assert error.value.hint is not None
    assert container.objects == before


@pytest.mark.parametrize("minutes", [14, -14])
def test_clocks_may_differ_a_little(container: MemoryContainer, minutes: int) -> None:
    storage = SkewedStorage(container, timedelta(minutes=minutes))

    assert delete(storage) == [OLD, MIDDLE]


def test_an_operator_s_word_needs_no_clock(container: MemoryContainer) -> None:
    storage = SkewedStorage(container, timedelta(days=300))

    assert delete(storage, OneBackup(OLD)) == [OLD]


def test_whether_a_backup_runs_is_told_by_the_store_s_clock(
    container: MemoryContainer,
) -> None:
    """By this host's, which is ahead, it has been silent for more than a day."""
    running = id_at(NOW)
    marker = made_up_marker(running).to_json()
    container.objects[started_key(running)] = (marker, NOW - timedelta(hours=25))
    storage = SkewedStorage(container, -timedelta(hours=24))
    before = dict(container.objects)

    with pytest.raises(OperationFailed, match="may still be running"):
        delete(storage, OneBackup(running))

    assert container.objects == before
    assert not [each for each in storage.requests if "deleting.json" in each]
    assert delete(MemoryStorage(container), OneBackup(running)) == [running]


def test_abandoned_clocks_are_removed(container: MemoryContainer) -> None:
    storage = MemoryStorage(container)
    old, recent = "cloudhoard/clock/00", "cloudhoard/clock/01"
    container.objects[old] = (b"clock", NOW - timedelta(hours=2))
    container.objects[recent] = (b"clock", NOW)

    delete(storage)

    assert keys(storage, "cloudhoard/clock/") == [recent]


def test_a_backup_that_is_kept_at_that_moment_stays(container: MemoryContainer) -> None:
    storage = Watched(MemoryStorage(container))
    storage.after_put[deleting_key(OLD)] = lambda: put(storage, keep_key(OLD), b"full")

    assert delete(storage) == [MIDDLE]

    assert complete_ids(storage) == {OLD, NEW}
    assert deleting_key(OLD) not in keys(storage)
    check_that_what_is_listed_restores(storage)


def test_by_id_that_is_an_error(container: MemoryContainer) -> None:
    storage = Watched(MemoryStorage(container))
    storage.after_put[deleting_key(OLD)] = lambda: put(storage, keep_key(OLD), b"full")
    before = set(container.objects)

    with pytest.raises(OperationFailed, match="is kept"):
        delete(storage, OneBackup(OLD))

    assert set(container.objects) - {keep_key(OLD)} == before


def test_our_own_keep_gives_way_to_a_deletion_that_has_begun(
    container: MemoryContainer,
) -> None:
    storage = Watched(MemoryStorage(container))
    backup = find_backup(storage, OLD, trust=None)

    def keep() -> None:
        with pytest.raises(OperationFailed, match="has begun"):
            keep_backup(storage, backup, KeepTarget.FULL)

    storage.after_put[deleting_key(OLD)] = keep

    assert delete(storage) == [OLD, MIDDLE]
    assert complete_ids(storage) == {NEW}


class LateKeep(Watched):
    """barman-cloud keeps a backup at the last moment; it looks for no marker."""

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        if prefix == backup_prefix(MIDDLE):
            put(self._storage, keep_key(MIDDLE), b"full")
        return super().list_objects(prefix, start_after=start_after)


def test_a_keep_of_the_last_moment_ends_the_run(container: MemoryContainer) -> None:
    storage = LateKeep(MemoryStorage(container))

    with pytest.raises(OperationFailed, match="somebody keeps"):
        delete(storage)

    assert complete_ids(storage) == {MIDDLE, NEW}
    assert deleting_key(MIDDLE) not in keys(storage)
    check_that_what_is_listed_restores(storage)


@pytest.mark.parametrize("other", [KEEP_ONE, OneBackup(MIDDLE), OneBackup(OLD)])
def test_two_runs_at_once_do_no_harm(
    container: MemoryContainer, other: Chooser
) -> None:
    plain = MemoryStorage(container)
    storage = Watched(plain)
    storage.after_put[deleting_key(OLD)] = lambda: void(delete(plain, other))

    delete(storage)

    assert complete_ids(plain) == {NEW}
    check_that_what_is_listed_restores(plain)
    assert not [key for key in keys(plain) if OLD in key or MIDDLE in key]


def void(_: object) -> None:
    """Take what is of no interest."""


def test_two_operators_at_once_leave_what_both_want_left(
    container: MemoryContainer,
) -> None:
    """Each sees three backups and may take one of them away, so that two are left."""
    plain = MemoryStorage(container)
    storage = Watched(plain)

    def take_another() -> None:
        with pytest.raises(OperationFailed, match="minimum-redundancy 2"):
            delete(plain, OneBackup(MIDDLE, minimum_redundancy=2))

    storage.after_put[deleting_key(OLD)] = take_another

    assert delete(storage, OneBackup(OLD, minimum_redundancy=2)) == [OLD]
    assert complete_ids(plain) == {MIDDLE, NEW}
    check_that_what_is_listed_restores(plain)
    assert not [key for key in keys(plain) if key.endswith("deleting.json")]


class BackupMeanwhile(Watched):
    """A backup begins, and its WAL arrives, once the run knows what is needed."""

    begun = id_at(NOW)
    first = segment(50, 2)

    def delete_objects(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        if backup_info_key(OLD) in wanted:
            marker = made_up_marker(self.begun, first_wal=self.first)
            put(self._storage, started_key(self.begun), marker.to_json())
            with suppress(ObjectExists):
                put(self._storage, f"{wal_key(self.first)}.zst")
        super().delete_objects(wanted)


def test_a_backup_that_begins_meanwhile_finds_its_wal(
    container: MemoryContainer,
) -> None:
    """It is on a branch that lies before all that the remaining backups need."""
    store_backup(MemoryStorage(container), 1, 200)
    storage = BackupMeanwhile(MemoryStorage(container))

    delete(storage)

    found = keys(storage)
    assert f"{wal_key(storage.first)}.zst" in found
    assert started_key(storage.begun) in found
    assert f"{wal_key(segment(8))}.zst" not in found


class BehindMeanwhile(BackupMeanwhile):
    """That backup is of a standby that lags: its WAL has long been stored."""

    first = segment(6)


def test_a_backup_of_a_lagging_standby_that_begins_meanwhile_finds_its_wal(
    container: MemoryContainer,
) -> None:
    storage = BehindMeanwhile(MemoryStorage(container))

    delete(storage)

    assert complete_ids(storage) == {NEW}
    assert keys(storage, "wals/") == [
        wal_key(segment(number)) + ".zst" for number in range(6, 12)
    ]


class LostAnswers(Watched):
    """The answer to the deletion of a backup.info is lost, after it took effect."""

    def delete_objects(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        super().delete_objects(wanted)
        if backup_info_key(OLD) in wanted:
            raise StorageUnavailable("timed out")


def test_when_an_answer_is_lost_the_marker_stays_for_the_next_run(
    container: MemoryContainer,
) -> None:
    storage = MemoryStorage(container)
    with pytest.raises(StorageUnavailable):
        delete(LostAnswers(storage))
    assert deleting_key(OLD) in keys(storage)
    assert deleting_key(MIDDLE) not in keys(storage)
    assert complete_ids(storage) == {MIDDLE, NEW}
    check_that_what_is_listed_restores(storage)

    assert delete(storage) == [MIDDLE, OLD]


class SlowCommit(Watched):
    """An unfinished backup that was silent for days commits while it is deleted."""

    _has_committed = False

    def delete_objects(self, keys: Iterable[str]) -> None:
        wanted = list(keys)
        super().delete_objects(wanted)
        info = backup_info_key("20261001T000000")
        if info in wanted and not self._has_committed:
            self._has_committed = True
            put_info(self._storage, made_up_info("20261001T000000"), "20261001T000000")


def test_a_backup_that_commits_while_it_is_deleted_is_deleted_all_the_same(
    container: MemoryContainer,
) -> None:
    silent = "20261001T000000"
    marker = made_up_marker(silent).to_json()
    container.objects[started_key(silent)] = (marker, NOW - timedelta(days=20))
    volume = f"base/{silent}/data.tar.zst"
    container.objects[volume] = (b"x", NOW - timedelta(days=20))
    storage = SlowCommit(MemoryStorage(container))

    delete(storage, OneBackup(silent))

    assert silent not in str(keys(storage))


OTHER_CLUSTER: Final = 7000000000000000001
STRANGER: Final = id_at(NOW - timedelta(days=1))


@pytest.fixture
def mixed(container: MemoryContainer) -> Storage:
    """Another cluster's backup lies in the archive, newer than all others."""
    storage = MemoryStorage(container)
    info = made_up_info(
        STRANGER, systemid=OTHER_CLUSTER, end_time=NOW - timedelta(days=1)
    )
    put_info(storage, info, STRANGER)
    return storage


@pytest.mark.parametrize("says_whose_it_is", [True, False])
@pytest.mark.parametrize("is_dry_run", [True, False])
@pytest.mark.parametrize(
    "chooser",
    [
        KEEP_ONE,
        ObsoleteBackups(RecoveryWindow(timedelta(days=2))),
        OneBackup("broken"),
    ],
)
def test_another_cluster_s_backup_ends_the_run(
    container: MemoryContainer,
    mixed: Storage,
    chooser: Chooser,
    *,
    says_whose_it_is: bool,
    is_dry_run: bool,
) -> None:
    broken = id_at(NOW - timedelta(days=30))
    info = made_up_info(broken, status=BackupStatus.FAILED, backup_name="broken")
    put_info(mixed, info, broken)
    if not says_whose_it_is:
        del container.objects[IDENTITY_KEY]
    before = keys(mixed)

    with pytest.raises(OperationFailed) as error:
        delete_backups(mixed, chooser, DeletionSettings(is_dry_run=is_dry_run))

    for part in (STRANGER, str(OTHER_CLUSTER), str(SYSTEM_IDENTIFIER)):
        assert part in error.value.message
    assert error.value.hint
    assert "--backup-id" in error.value.hint
    assert keys(mixed) == before


@pytest.mark.parametrize("says_whose_it_is", [True, False])
def test_it_can_be_deleted_by_its_id(
    container: MemoryContainer, mixed: Storage, *, says_whose_it_is: bool
) -> None:
    if not says_whose_it_is:
        del container.objects[IDENTITY_KEY]

    assert delete(mixed, OneBackup(STRANGER)) == [STRANGER]

    assert delete(mixed) == [OLD, MIDDLE]
    check_that_what_is_listed_restores(mixed)


def test_while_another_one_is_there_its_wal_stays(mixed: Storage) -> None:
    """Where it says it begins, WAL of the archive's own cluster may be needed."""
    second = id_at(NOW - timedelta(days=2))
    put_info(mixed, made_up_info(second, systemid=OTHER_CLUSTER), second)
    wal = keys(mixed, "wals/")

    report = delete_backups(mixed, OneBackup(STRANGER, 3), DeletionSettings())

    (obstacle,) = report.obstacles
    assert str(OTHER_CLUSTER) in obstacle
    assert keys(mixed, "wals/") == wal


def test_it_counts_neither_way(container: MemoryContainer, mixed: Storage) -> None:
    """Of an archive that does not say whose it is, for none but its own cluster."""
    del container.objects[IDENTITY_KEY]

    with pytest.raises(OperationFailed, match="2 complete backups would be left"):
        delete(mixed, OneBackup(OLD, minimum_redundancy=3))
    with pytest.raises(OperationFailed, match="0 complete backups would be left"):
        delete(mixed, OneBackup(STRANGER, minimum_redundancy=1))


def test_it_is_seen_when_it_comes_while_the_run_looks_again(
    container: MemoryContainer,
) -> None:
    plain = MemoryStorage(container)
    storage = Watched(plain)
    info = made_up_info(STRANGER, systemid=OTHER_CLUSTER)
    storage.after_put[deleting_key(OLD)] = lambda: put_info(plain, info, STRANGER)

    with pytest.raises(OperationFailed, match=STRANGER):
        delete(storage)

    assert complete_ids(plain) == {OLD, MIDDLE, NEW, STRANGER}
    assert not [key for key in keys(plain) if key.endswith("deleting.json")]


def aged_marker(container: MemoryContainer, age: timedelta) -> Callable[[], None]:
    """Have the marker of MIDDLE look as if it had been made so long ago."""

    def change() -> None:
        content, modified = container.objects[deleting_key(MIDDLE)]
        container.objects[deleting_key(MIDDLE)] = (content, modified - age)

    return change


def test_what_waited_too_long_for_its_turn_is_left_to_the_next_run(
    container: MemoryContainer,
) -> None:
    """Others soon take its marker for forgotten, and count the backup."""
    storage = Watched(MemoryStorage(container))
    too_long = aged_marker(container, timedelta(minutes=31))
    storage.after_put[deleting_key(MIDDLE)] = too_long

    with pytest.raises(OperationFailed, match="30 minutes") as error:
        delete(storage)

    assert error.value.hint
    assert complete_ids(storage) == {MIDDLE, NEW}
    assert deleting_key(MIDDLE) not in keys(storage)
    check_that_what_is_listed_restores(storage)
    assert delete(storage) == [MIDDLE, OLD]


@pytest.mark.parametrize("minutes", [16, 40, 120])
def test_an_old_marker_is_made_anew_for_others_to_see(
    container: MemoryContainer, minutes: int
) -> None:
    plain = MemoryStorage(container)
    long_ago = datetime.now(UTC) - timedelta(minutes=minutes)
    container.objects[deleting_key(MIDDLE)] = (b"{}", long_ago)
    seen: list[datetime] = []
    storage = Watched(plain)
    storage.after_put[deleting_key(MIDDLE)] = lambda: seen.append(
        plain.stat(deleting_key(MIDDLE)).modified
    )

    assert delete(storage) == [OLD, MIDDLE]

    (made,) = seen
    assert made > long_ago + timedelta(minutes=15)
    assert not [key for key in keys(plain) if key.endswith("deleting.json")]
