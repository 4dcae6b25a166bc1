from collections.abc import Iterator

import pytest

from cloudhoard.domain.archive_layout import backup_info_key, backup_prefix, keep_key
from cloudhoard.domain.backup import KeepTarget
from cloudhoard.operations.keep_backup import keep_backup, release_backup
from cloudhoard.operations.misplaced_keeps import WithMisplacedKeeps
from cloudhoard.operations.read_catalog import find_backup, read_catalog
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.errors import AccessDenied, ObjectNotFound, StorageError
from cloudhoard.storage.protocol import ObjectInfo
from tests.support.barman_backups import BarmanBackup
from tests.support.made_up_backups import BACKUP_ID, made_up_info, put_info
from tests.support.stores import put

KEY = keep_key(BACKUP_ID)


class Archive:
    """An archive in memory, and the place beside it where barman-cloud errs."""

    def __init__(self, *, always: bool = False) -> None:
        container = MemoryContainer()
        self.storage = MemoryStorage(container, "pg/main")
        self.beside = MemoryStorage(container, "pg//main")
        self.opened = 0
        self.both = WithMisplacedKeeps(self.storage, self._open, always=always)

    def _open(self) -> MemoryStorage:
        self.opened += 1
        return self.beside

    def keep(self) -> KeepTarget | None:
        return find_backup(self.both, BACKUP_ID, trust=None).keep


def test_annotation_beside_the_archive_keeps_a_backup_of_barman_s() -> None:
    archive = Archive()
    BarmanBackup().store(archive.storage)
    put(archive.beside, KEY, b"standalone")
    put(archive.beside, keep_key("20200101T000000"), b"full")
    put(archive.beside, backup_prefix(BACKUP_ID) + "data_0002.tar")

    catalog = read_catalog(archive.both, trust=None)

    assert [(each.backup_id, each.keep) for each in catalog.backups] == [
        (BACKUP_ID, KeepTarget.STANDALONE)
    ]
    listed = [each.key for each in archive.both.list_objects("base/")]
    assert listed == sorted(listed)
    assert KEY in listed
    assert not any("data_0002" in key for key in listed)


def test_nothing_more_is_asked_where_all_backups_are_ours() -> None:
    archive = Archive()
    put_info(archive.storage, made_up_info(), BACKUP_ID)
    put(archive.storage, backup_prefix(BACKUP_ID) + "data.tar.zst")
    put(archive.storage, backup_prefix(BACKUP_ID) + "volumes.json.zst")

    assert archive.keep() is None
    assert not archive.opened


def test_annotation_of_a_backup_of_ours_is_seen_where_that_is_asked_for() -> None:
    archive = Archive(always=True)
    put_info(archive.storage, made_up_info(), BACKUP_ID)
    put(archive.beside, KEY, b"full")

    assert archive.keep() is KeepTarget.FULL
    assert [each.key for each in archive.both.list_objects("base/")] == [
        KEY,
        backup_info_key(BACKUP_ID),
    ]


def test_annotation_in_its_place_counts_first() -> None:
    archive = Archive(always=True)
    put_info(archive.storage, made_up_info(), BACKUP_ID)
    put(archive.beside, KEY, b"full")
    put(archive.storage, KEY, b"standalone")

    assert archive.keep() is KeepTarget.STANDALONE


def test_release_takes_both_away() -> None:
    archive = Archive(always=True)
    put_info(archive.storage, made_up_info(), BACKUP_ID)
    put(archive.beside, KEY, b"full")
    backup = find_backup(archive.both, BACKUP_ID, trust=None)

    release_backup(archive.both, backup)

    assert archive.keep() is None
    assert not list(archive.beside.list_objects(""))


def test_another_target_is_stored_where_it_belongs() -> None:
    archive = Archive(always=True)
    put_info(archive.storage, made_up_info(), BACKUP_ID)
    put(archive.beside, KEY, b"full")
    backup = find_backup(archive.both, BACKUP_ID, trust=None)

    keep_backup(archive.both, backup, KeepTarget.STANDALONE)

    assert archive.keep() is KeepTarget.STANDALONE
    assert KEY in {each.key for each in archive.storage.list_objects("base/")}


class Beside(MemoryStorage):
    """A place that answers with an error when it is listed."""

    def __init__(self, error: StorageError) -> None:
        super().__init__(MemoryContainer())
        self._error = error

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        yield from super().list_objects(prefix, start_after=start_after)
        raise self._error


@pytest.mark.parametrize("error", [ObjectNotFound("no such name"), AccessDenied("no")])
def test_where_nothing_can_be_seen_beside_the_archive_our_backups_are(
    error: StorageError,
) -> None:
    storage = MemoryStorage(MemoryContainer())
    put_info(storage, made_up_info())
    both = WithMisplacedKeeps(storage, lambda: Beside(error), always=True)

    assert find_backup(both, BACKUP_ID, trust=None).info is not None


def test_who_may_not_look_beside_the_archive_deletes_no_backup_of_barman_s() -> None:
    """It may be kept, for all that we know; but it may be listed."""
    storage = MemoryStorage(MemoryContainer())
    BarmanBackup().store(storage)
    denied = Beside(AccessDenied("not allowed"))

    with pytest.raises(AccessDenied):
        read_catalog(
            WithMisplacedKeeps(storage, lambda: denied, always=True), trust=None
        )
    listed = read_catalog(
        WithMisplacedKeeps(storage, lambda: denied, always=False), trust=None
    )
    assert len(listed.backups) == 1
