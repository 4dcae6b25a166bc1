from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import pytest

from cloudhoard.codec.decoding import Decoding
from cloudhoard.domain.archive_layout import (
    backup_info_key,
    deleting_key,
    keep_key,
    started_key,
    volume_key,
)
from cloudhoard.domain.backup import Backup, BackupState, KeepTarget
from cloudhoard.domain.backup_info import BackupStatus
from cloudhoard.domain.catalog import BackupNotFound
from cloudhoard.operations.read_catalog import find_backup, read_catalog
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.errors import ObjectNotFound, StorageUnavailable
from cloudhoard.storage.protocol import ObjectInfo, ReadableStorage, Storage
from cloudhoard.streams import ByteSource
from tests.support.made_up_backups import (
    BACKUP_ID,
    made_up_info,
    made_up_marker,
    put_info,
)
from tests.support.signing_pair import SigningPair
from tests.support.stores import put

OTHER: Final = "20261122T000000"


@pytest.fixture
def storage() -> Storage:
    return MemoryStorage(MemoryContainer())


class Watched:
    """A storage whose requests are written down, and some of which fail."""

    def __init__(
        self, storage: ReadableStorage, failing: Callable[[str], Exception | None]
    ) -> None:
        self._storage = storage
        self._failing = failing
        self.requests: list[str] = []

    @property
    def location(self) -> str:
        return self._storage.location

    def stat(self, key: str) -> ObjectInfo:
        self.requests.append(f"stat {key}")
        return self._storage.stat(key)

    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> AbstractContextManager[ByteSource]:
        self.requests.append(f"read {key}")
        error = self._failing(key)
        if error is not None:
            raise error
        return self._storage.open_read(key, offset=offset, length=length)

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        self.requests.append(f"list {prefix}")
        return self._storage.list_objects(prefix, start_after=start_after)


def only(storage: ReadableStorage, trust: Decoding | None = None) -> Backup:
    (backup,) = read_catalog(storage, trust=trust).backups
    return backup


def test_an_archive_without_backups_has_an_empty_catalog(storage: Storage) -> None:
    put(storage, "cloudhoard/archive.json")

    assert read_catalog(storage, trust=None).backups == ()


def test_a_backup_is_what_its_backup_info_says(storage: Storage) -> None:
    put(storage, started_key(BACKUP_ID), made_up_marker().to_json())
    put(storage, volume_key(BACKUP_ID, "data", 0, ".zst"), b"x" * 1000)
    put_info(storage, made_up_info())

    backup = only(storage)

    assert backup.info == made_up_info()
    assert backup.state is BackupState.DONE
    assert backup.keep is None
    assert backup.stored_size == 1000 + len(made_up_marker().to_json()) + len(
        made_up_info().render().encode()
    )


def test_each_state_is_told_by_what_is_there(storage: Storage) -> None:
    put(storage, started_key("20261101T000000"), made_up_marker().to_json())
    put(storage, deleting_key("20261102T000000"))
    put(storage, started_key("20261102T000000"))
    put(storage, volume_key("20261103T000000", "data", 0, ".gz"))
    put_info(
        storage,
        made_up_info(status=BackupStatus.STARTED, cloudhoard=None),
        "20261104T000000",
    )
    put_info(storage, made_up_info("20261105T000000"), "20261105T000000")
    put(storage, deleting_key("20261105T000000"))
    put(storage, backup_info_key("20261106T000000"), b"\0")

    states = [backup.state for backup in read_catalog(storage, trust=None).backups]

    assert states == [
        BackupState.UNFINISHED,
        BackupState.DELETING,
        BackupState.UNFINISHED,
        BackupState.UNFINISHED,
        BackupState.DONE,
        BackupState.UNREADABLE,
    ]


def test_what_is_no_backup_is_passed_over(storage: Storage) -> None:
    put(storage, keep_key("20261101T000000"), b"full")  # barman deleted the rest
    put(storage, "base/badid/backup.info")
    put(storage, "base/20261101T000000.txt")
    put(storage, "base/20261102T000000/notes.txt")

    assert read_catalog(storage, trust=None).backups == ()


@pytest.mark.parametrize("data", [b"standalone", b"full"])
def test_keep_annotations_are_read(storage: Storage, data: bytes) -> None:
    put_info(storage, made_up_info())
    put(storage, keep_key(BACKUP_ID), data)

    assert only(storage).keep == KeepTarget(data.decode())


FORGED: Final = [
    pytest.param(b"", id="empty is barman's EMPTY"),
    pytest.param(b"status", id="no equals sign"),
    pytest.param(b"\xff\xfe", id="not text"),
    pytest.param(b"error=" + b"x" * (9 << 20), id="huge"),
    pytest.param(
        b"status=DONE\nend_time=2026-11-21 00:00:00+00:00\ntablespaces=" + b"[" * 10**6,
        id="deep nesting",
    ),
    pytest.param(b"tablespaces=[(__import__('os').abort(), 1, '')]", id="expression"),
    pytest.param(b"#cloudhoard " + b"[" * 10**5, id="deep JSON"),
    pytest.param(b"end_time=\x1b[2J\n", id="control characters"),
    pytest.param(b"timeline=1e9", id="wrong type"),
]


@pytest.mark.parametrize("data", FORGED)
def test_a_forged_backup_info_spoils_no_other(storage: Storage, data: bytes) -> None:
    put(storage, backup_info_key(BACKUP_ID), data)
    put_info(storage, made_up_info(OTHER), OTHER)

    forged, sound = read_catalog(storage, trust=None).backups

    assert forged.state in {BackupState.UNREADABLE, BackupState.UNFINISHED}
    assert (forged.problem is None) == (data == b"")
    assert sound.info == made_up_info(OTHER)
    assert find_backup(storage, "latest", trust=None) == sound


def test_what_is_wrong_with_a_backup_is_a_warning(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    put(storage, backup_info_key(BACKUP_ID), b"status=\x1b[2J")
    put(storage, started_key(OTHER), b"{}")

    read_catalog(storage, trust=None)

    assert [record.getMessage() for record in caplog.records] == [
        f"backup {BACKUP_ID}: status of backup.info: '\\x1b[2J' is not a status",
        f"backup {OTHER}: started.json has no 'format_version'",
    ]


def test_a_backup_info_of_another_backup_is_unreadable(storage: Storage) -> None:
    put_info(storage, made_up_info(BACKUP_ID), OTHER)

    assert only(storage).problem == f"backup.info is of backup {BACKUP_ID}"


def test_a_listing_costs_one_request_and_one_for_each_backup(storage: Storage) -> None:
    for backup_id in (BACKUP_ID, OTHER):
        put(storage, started_key(backup_id))
        put(storage, volume_key(backup_id, "data", 0, ".zst"))
        put_info(storage, made_up_info(backup_id), backup_id)
    watched = Watched(storage, failing=lambda _key: None)

    read_catalog(watched, trust=None)

    assert sorted(watched.requests) == [
        "list base/",
        f"read {backup_info_key(BACKUP_ID)}",
        f"read {backup_info_key(OTHER)}",
    ]


def test_a_backup_by_its_id_costs_two_requests(storage: Storage) -> None:
    for backup_id in (BACKUP_ID, OTHER):
        put_info(storage, made_up_info(backup_id), backup_id)
    watched = Watched(storage, failing=lambda _key: None)

    assert find_backup(watched, BACKUP_ID, trust=None).info == made_up_info()
    assert watched.requests == [
        f"list base/{BACKUP_ID}/",
        f"read {backup_info_key(BACKUP_ID)}",
    ]
    with pytest.raises(BackupNotFound):
        find_backup(storage, "20000101T000000", trust=None)


def test_an_unreachable_store_is_an_error_and_no_shorter_catalog(
    storage: Storage,
) -> None:
    put_info(storage, made_up_info())
    put_info(storage, made_up_info(OTHER), OTHER)
    watched = Watched(
        storage,
        failing=lambda key: StorageUnavailable("gone") if OTHER in key else None,
    )

    with pytest.raises(StorageUnavailable):
        read_catalog(watched, trust=None)


def test_a_backup_deleted_during_the_listing_is_no_longer_complete(
    storage: Storage,
) -> None:
    put_info(storage, made_up_info())
    put(storage, deleting_key(BACKUP_ID))
    watched = Watched(storage, failing=ObjectNotFound)

    assert only(watched).state is BackupState.DELETING


@pytest.fixture
def pair(tmp_path: Path) -> SigningPair:
    return SigningPair.create(tmp_path, "db1")


BODY: Final = made_up_info().render().encode()


def test_a_trusted_signature_is_accepted(storage: Storage, pair: SigningPair) -> None:
    put(storage, backup_info_key(BACKUP_ID), pair.signed(BODY))

    backup = only(storage, Decoding(trusted_signers=(pair.trusted,)))

    assert backup.info == made_up_info()


@pytest.mark.parametrize(
    ("forge", "problem"),
    [
        pytest.param(
            lambda _: BODY,
            "backup.info is not signed",
            id="unsigned",
        ),
        pytest.param(
            lambda pair: pair.signed(BODY).replace(b"/srv/pg", b"/srv/xx"),
            "the signature of backup.info does not match it",
            id="changed",
        ),
        pytest.param(
            lambda pair: pair.signed(BODY, context=b"cloudhoard header v1\0"),
            "the signature of backup.info does not match it",
            id="signature over something else",
        ),
        pytest.param(
            lambda pair: SigningPair.create(pair.public.parent, "x").signed(BODY),
            "backup.info is not signed by a trusted key",
            id="a stranger's",
        ),
        pytest.param(
            lambda pair: pair.signed(BODY)[:-1],
            "backup.info has a malformed signature line",
            id="cut short",
        ),
        pytest.param(
            lambda pair: pair.signed(made_up_info("20261101T000000").render().encode()),
            "backup.info is of backup 20261101T000000",
            id="another backup's",
        ),
    ],
)
def test_what_no_trusted_key_signed_is_unreadable(
    storage: Storage,
    pair: SigningPair,
    forge: Callable[[SigningPair], bytes],
    problem: str,
) -> None:
    put(storage, backup_info_key(BACKUP_ID), forge(pair))

    backup = only(storage, Decoding(trusted_signers=(pair.trusted,)))

    assert backup.state is BackupState.UNREADABLE
    assert backup.problem == problem
    assert backup.info is None
