import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloudhoard.codec.decoding import Decoding
from cloudhoard.codec.key_generation import create_key_files
from cloudhoard.codec.keys import SigningKey, TrustedSigner
from cloudhoard.domain.archive_layout import backup_info_key, deleting_key
from cloudhoard.domain.backup_info import BackupInfo, BackupStatus
from cloudhoard.domain.volume_list import BackupObject, ObjectKind, VolumeList
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.backup_commit import BackupCommit, check_objects
from cloudhoard.operations.backup_signature import check_signature
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.errors import StorageError, StorageUnavailable
from cloudhoard.streams import ByteSink

ID = "20261121T101010"
KEY = backup_info_key(ID)
INFO = BackupInfo(end_time=datetime(2026, 11, 21, tzinfo=UTC), backup_name="x")


class UncertainStorage(MemoryStorage):
    """A store whose answers to writes are lost, after or before they take effect."""

    def __init__(self, container: MemoryContainer, *, stores: bool) -> None:
        super().__init__(container)
        self._stores = stores
        self.losing = True

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        if not self.losing:
            with super().open_write(key, at_most=at_most) as sink:
                yield sink
            return
        stores, elsewhere = self._stores, MemoryStorage(MemoryContainer())
        place = MemoryStorage(self._container) if stores else elsewhere
        with place.open_write(key, at_most=at_most, overwrite=overwrite) as sink:
            yield sink
        raise StorageUnavailable("timed out")


def stored(storage: MemoryStorage, key: str = KEY) -> bytes:
    with storage.open_read(key) as source:
        return source.read()


def put(storage: MemoryStorage, key: str, size: int = 1) -> None:
    with storage.open_write(key, at_most=size) as sink:
        sink.write(bytes(size))


def test_done_is_written_once() -> None:
    storage = MemoryStorage(MemoryContainer())
    commit = BackupCommit(storage, ID, None)

    commit.write_done(INFO)
    commit.write_failed(INFO, "too late")

    assert BackupInfo.from_bytes(stored(storage)).status is BackupStatus.DONE


def test_failure_is_recorded_with_its_reason() -> None:
    storage = MemoryStorage(MemoryContainer())

    BackupCommit(storage, ID, None).write_failed(INFO, "failure copying files (x)")

    info = BackupInfo.from_bytes(stored(storage))
    assert info == replace(
        INFO, status=BackupStatus.FAILED, error="failure copying files (x)"
    )


def test_commit_whose_answer_was_lost_counts_when_it_is_there() -> None:
    storage = UncertainStorage(MemoryContainer(), stores=True)

    BackupCommit(storage, ID, None).write_done(INFO)

    assert BackupInfo.from_bytes(stored(storage)).status is BackupStatus.DONE


def test_commit_that_is_proved_absent_may_be_recorded_as_failed() -> None:
    storage = UncertainStorage(MemoryContainer(), stores=False)
    commit = BackupCommit(storage, ID, None)

    with pytest.raises(StorageUnavailable):
        commit.write_done(INFO)
    storage.losing = False
    commit.write_failed(INFO, "failure committing (timed out)")

    assert BackupInfo.from_bytes(stored(storage)).status is BackupStatus.FAILED


def test_commit_that_may_have_arrived_is_never_recorded_as_failed() -> None:
    container = MemoryContainer()
    storage = UncertainStorage(container, stores=False)
    commit = BackupCommit(storage, ID, None)
    container.exists = False

    with pytest.raises(StorageError):
        commit.write_done(INFO)
    container.exists = True
    storage.losing = False
    commit.write_failed(INFO, "failure committing")

    assert list(storage.list_objects("")) == []


def test_record_of_a_failure_does_not_wait_for_a_store_that_hangs() -> None:
    over = threading.Event()

    class Hanging(MemoryStorage):
        @contextmanager
        def open_write(
            self, key: str, *, at_most: int, overwrite: bool = False
        ) -> Iterator[ByteSink]:
            over.wait(60)
            with super().open_write(key, at_most=at_most, overwrite=overwrite) as sink:
                yield sink

    began = time.monotonic()

    BackupCommit(Hanging(MemoryContainer()), ID, None).write_failed(INFO, "x")

    assert time.monotonic() - began < 10
    over.set()


def test_signature_covers_the_whole_commit(tmp_path: Path) -> None:
    create_key_files("k", tmp_path, bits=3072, passphrase=None)
    signer = SigningKey.load(tmp_path / "k.signing.pem")
    trusted = TrustedSigner.load(tmp_path / "k.signing.public.pem")
    storage = MemoryStorage(MemoryContainer())

    BackupCommit(storage, ID, signer).write_done(INFO)

    trust = Decoding(trusted_signers=(trusted,))
    assert check_signature(stored(storage), trust) is True


def listed(name: str, kind: ObjectKind, size: int) -> BackupObject:
    return BackupObject(
        name=name, kind=kind, stored_size=size, stored_sha256="00" * 32, plain_size=1
    )


LIST = VolumeList(
    backup_id=ID,
    objects=(
        listed("data.tar", ObjectKind.DATA, 3),
        listed("backup_manifest.zst", ObjectKind.MANIFEST, 2),
    ),
)


@pytest.fixture
def complete() -> MemoryStorage:
    storage = MemoryStorage(MemoryContainer())
    put(storage, f"base/{ID}/data.tar", 3)
    put(storage, f"base/{ID}/backup_manifest.zst", 2)
    put(storage, f"base/{ID}/started.json")
    return storage


def test_complete_backup_passes(complete: MemoryStorage) -> None:
    check_objects(complete, LIST)


def test_object_that_went_is_missed(complete: MemoryStorage) -> None:
    complete.delete_objects([f"base/{ID}/data.tar"])

    with pytest.raises(OperationFailed, match=r"data\.tar.*is gone now"):
        check_objects(complete, LIST)


def test_object_of_another_size_is_noticed(complete: MemoryStorage) -> None:
    complete.delete_objects([f"base/{ID}/data.tar"])
    put(complete, f"base/{ID}/data.tar", 4)

    with pytest.raises(OperationFailed, match="has 4 bytes now"):
        check_objects(complete, LIST)


def test_backup_that_is_being_deleted_does_not_commit(complete: MemoryStorage) -> None:
    put(complete, deleting_key(ID))

    with pytest.raises(OperationFailed, match="is being deleted"):
        check_objects(complete, LIST)
