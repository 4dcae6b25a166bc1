"""What restoring a WAL file asks of the store, and what it makes of the answers."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.decoding import Decoding
from cloudhoard.codec.encoding import Encoding
from cloudhoard.domain.wal_file import WalFile
from cloudhoard.errors import HoleInWal
from cloudhoard.operations.archive_wal import ArchivingSettings, archive_wal
from cloudhoard.operations.restore_wal import WalNotArchived, WalRequest, restore_wal
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.errors import StorageUnavailable
from cloudhoard.storage.protocol import ObjectInfo, Storage
from tests.support.storages import RecordingStorage
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    IDENTITY,
    SECOND,
    THIRD,
    DataDirectory,
    segment_bytes,
)

TIMELINE_1 = "wals/00000001"


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage(MemoryContainer(uuid.uuid4().hex), "main")


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")


def key(name: str, suffix: str = "") -> str:
    return f"wals/{name[:16]}/{name}{suffix}"


def archive(storage: Storage, data: DataDirectory, name: str) -> None:
    encoding = Encoding(Compression.parse("zstd:3"))
    settings = ArchivingSettings(encoding=encoding, decoding=Decoding())
    archive_wal(storage, data.segment(name), settings)


def fetch(storage: Storage, data: DataDirectory, name: str) -> None:
    request = WalRequest(
        file=WalFile.parse(name),
        destination=data.destination,
        data_directory=data.path,
        in_archive_recovery=True,
    )
    restore_wal(storage, request, Decoding())


def test_hit_costs_two_requests(memory: MemoryStorage, data: DataDirectory) -> None:
    archive(memory, data, FIRST)
    storage = RecordingStorage(memory)

    fetch(storage, data, FIRST)

    assert storage.requests == [f"LIST {FIRST_KEY}", f"GET {FIRST_KEY}.zst"]


def test_end_of_recovery_costs_four_requests(
    memory: MemoryStorage, data: DataDirectory
) -> None:
    archive(memory, data, FIRST)
    storage = RecordingStorage(memory)

    with pytest.raises(WalNotArchived):
        fetch(storage, data, SECOND)

    assert storage.requests == [
        f"LIST {key(SECOND)}",
        f"GET {IDENTITY}",
        f"LIST {TIMELINE_1}",
        f"LIST wals/{HISTORY}",
    ]


def test_history_that_is_not_there_costs_two_requests(
    memory: MemoryStorage, data: DataDirectory
) -> None:
    archive(memory, data, FIRST)
    storage = RecordingStorage(memory)

    with pytest.raises(WalNotArchived):
        fetch(storage, data, HISTORY)

    assert storage.requests == [f"LIST wals/{HISTORY}", f"GET {IDENTITY}"]


def test_segment_that_is_archived_meanwhile_is_served(
    memory: MemoryStorage, data: DataDirectory
) -> None:
    # The server whose WAL is replayed elsewhere may still be archiving.
    class Growing(RecordingStorage):
        """Two more segments come after the first look."""

        def list_objects(
            self, prefix: str = "", *, start_after: str = ""
        ) -> Iterator[ObjectInfo]:
            found = list(super().list_objects(prefix, start_after=start_after))
            if len(self.requests) == 1:
                archive(memory, data, SECOND)
                archive(memory, data, THIRD)
            return iter(found)

    archive(memory, data, FIRST)

    fetch(Growing(memory), data, SECOND)

    assert data.destination.read_bytes() == segment_bytes(SECOND)


def test_object_that_goes_between_the_listing_and_the_read_is_no_answer(
    memory: MemoryStorage, data: DataDirectory
) -> None:
    class Shrinking(RecordingStorage):
        def list_objects(
            self, prefix: str = "", *, start_after: str = ""
        ) -> Iterator[ObjectInfo]:
            found = list(super().list_objects(prefix, start_after=start_after))
            memory.delete_objects([f"{FIRST_KEY}.zst"])
            return iter(found)

    archive(memory, data, FIRST)

    with pytest.raises(StorageUnavailable, match="went away"):
        fetch(Shrinking(memory), data, FIRST)

    assert not data.destination.exists()


def test_hole_is_seen_on_the_same_timeline_only(
    memory: MemoryStorage, data: DataDirectory
) -> None:
    archive(memory, data, THIRD)

    with pytest.raises(HoleInWal, match=f"{SECOND} .* {THIRD}"):
        fetch(memory, data, SECOND)
    with pytest.raises(WalNotArchived):
        fetch(memory, data, "00000002" + SECOND[8:])


@pytest.mark.parametrize(
    "odd",
    [
        f"{FIRST_KEY}.zst.tmp",
        f"{FIRST_KEY}x",
        "wals/x",
        key(SECOND, ".7z"),
        key(SECOND, ".00000028.backup"),
        "wals/0000000100000000/000000010000000000FFFFFF",
        "wals/0000000100000009/" + THIRD,
    ],
)
def test_names_that_only_resemble_wal_are_passed_over(
    odd: str, memory: MemoryStorage, data: DataDirectory
) -> None:
    archive(memory, data, FIRST)
    with memory.open_write(odd, at_most=0):
        pass

    fetch(memory, data, FIRST)
    with pytest.raises(WalNotArchived):
        fetch(memory, data, SECOND)
