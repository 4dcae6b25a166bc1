"""What archiving a WAL file asks of the store, and how it minds one without manners."""

import logging
import uuid
from pathlib import Path

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.decoding import Decoding
from cloudhoard.codec.encoding import Encoding
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.archive_identity import ForeignArchive, ensure_identity
from cloudhoard.operations.archive_wal import ArchivingSettings, archive_wal
from cloudhoard.operations.wal_conflict import WalConflict
from cloudhoard.spool.archive_memory import CONDITIONS_VALID_FOR, Spool
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.errors import StorageUnavailable
from tests.support.storages import RecordingStorage, UnconditionalStorage
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    IDENTITY,
    OTHER_SYSTEM,
    SECOND,
    SEGMENT_SIZE,
    SYSTEM,
    THIRD,
    DataDirectory,
)


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage(MemoryContainer(uuid.uuid4().hex), "main")


@pytest.fixture
def storage(memory: MemoryStorage) -> RecordingStorage:
    return RecordingStorage(memory)


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")


def settings(
    data: DataDirectory | None, compression: str = "zstd:3"
) -> ArchivingSettings:
    return ArchivingSettings(
        encoding=Encoding(Compression.parse(compression)),
        decoding=Decoding(),
        spool_directory=data.pg_wal / "cloudhoard" if data else None,
    )


def requests(storage: RecordingStorage) -> list[str]:
    made, storage.requests = storage.requests, []
    return made


def key(name: str, suffix: str = ".zst") -> str:
    return f"wals/{name[:16]}/{name}{suffix}"


def test_first_file_learns_what_later_ones_need_not_ask(
    storage: RecordingStorage, data: DataDirectory
) -> None:
    archive_wal(storage, data.segment(FIRST), settings(data))

    assert requests(storage) == [
        f"GET {IDENTITY}",
        "LIST ",
        f"PUT {IDENTITY}",
        f"PUT {IDENTITY}",
        f"LIST {FIRST_KEY}",
        f"PUT {FIRST_KEY}.zst",
    ]


def test_segment_costs_one_request(
    storage: RecordingStorage, data: DataDirectory
) -> None:
    archive_wal(storage, data.segment(FIRST), settings(data))
    requests(storage)

    archive_wal(storage, data.segment(SECOND), settings(data))

    assert requests(storage) == [f"PUT {key(SECOND)}"]


def test_segment_costs_three_without_a_spool(
    storage: RecordingStorage, data: DataDirectory
) -> None:
    archive_wal(storage, data.segment(FIRST), settings(None))
    requests(storage)

    archive_wal(storage, data.segment(SECOND), settings(None))

    assert requests(storage) == [
        f"GET {IDENTITY}",
        f"LIST {key(SECOND, '')}",
        f"PUT {key(SECOND)}",
    ]


def test_change_of_the_suffix_costs_one_listing(
    storage: RecordingStorage, data: DataDirectory
) -> None:
    archive_wal(storage, data.segment(FIRST), settings(data))
    requests(storage)

    for name in (SECOND, THIRD):
        archive_wal(storage, data.segment(name), settings(data, "none"))

    assert requests(storage) == [
        f"LIST {key(SECOND, '')}",
        f"PUT {key(SECOND, '')}",
        f"PUT {key(THIRD, '')}",
    ]


def test_store_without_conditions_is_asked_before_each_create(
    memory: MemoryStorage, data: DataDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    storage = UnconditionalStorage(memory)
    with caplog.at_level(logging.WARNING):
        archive_wal(storage, data.segment(FIRST), settings(data))
    requests(storage)

    archive_wal(storage, data.segment(SECOND), settings(data))
    with pytest.raises(WalConflict):
        archive_wal(storage, data.segment(SECOND, seed=1), settings(data))

    assert "does not honour conditional creates" in caplog.text
    assert requests(storage) == [
        f"HEAD {key(SECOND)}",
        f"PUT {key(SECOND)}",
        f"HEAD {key(SECOND)}",
        f"GET {key(SECOND)}",
    ]


def test_file_that_changes_while_it_is_read_is_not_stored(
    memory: MemoryStorage, data: DataDirectory
) -> None:
    path = data.segment(FIRST)

    class Meddling(RecordingStorage):
        def open_write(self, key, *, at_most, overwrite=False):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            if key.endswith(".zst"):
                data.segment(FIRST, seed=1)
            return super().open_write(key, at_most=at_most, overwrite=overwrite)

    with pytest.raises(OperationFailed, match="changed while it was being read"):
        archive_wal(Meddling(memory), path, settings(data))

    assert [info.key for info in memory.list_objects("")] == [IDENTITY]


class TestIdentity:
    def ensure(self, storage: RecordingStorage, system: int = SYSTEM) -> None:
        ensure_identity(storage, system_identifier=system, segment_size=SEGMENT_SIZE)

    def test_is_made_once(self, storage: RecordingStorage) -> None:
        self.ensure(storage)
        self.ensure(storage)

        assert requests(storage) == [
            f"GET {IDENTITY}",
            "LIST ",
            f"PUT {IDENTITY}",
            f"GET {IDENTITY}",
        ]

    def test_is_another_s(self, storage: RecordingStorage) -> None:
        self.ensure(storage)

        with pytest.raises(ForeignArchive, match=f"{SYSTEM}.*{OTHER_SYSTEM}"):
            self.ensure(storage, OTHER_SYSTEM)

    def test_is_not_made_again_where_it_was_seen_before(
        self, storage: RecordingStorage, memory: MemoryStorage, tmp_path: Path
    ) -> None:
        now = 1e9

        def ensure() -> None:
            spool = Spool.open(
                tmp_path / "spool",
                location=storage.location,
                system_identifier=SYSTEM,
                clock=lambda: now,
            )
            ensure_identity(
                storage,
                system_identifier=SYSTEM,
                segment_size=SEGMENT_SIZE,
                spool=spool,
            )

        ensure()
        memory.delete_objects([IDENTITY])
        now += CONDITIONS_VALID_FOR

        with pytest.raises(StorageUnavailable, match="was here before and is gone"):
            ensure()

        assert list(memory.list_objects("")) == []

    def test_of_two_that_begin_at_once_one_wins(self, memory: MemoryStorage) -> None:
        class Late(RecordingStorage):
            """Another cluster comes in between the look and the create."""

            def list_objects(self, prefix="", *, start_after=""):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
                found = list(super().list_objects(prefix, start_after=start_after))
                TestIdentity().ensure(RecordingStorage(memory), OTHER_SYSTEM)
                return iter(found)

        with pytest.raises(ForeignArchive):
            self.ensure(Late(memory))
