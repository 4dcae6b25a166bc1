from dataclasses import replace
from pathlib import Path

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.decoding import Decoding
from cloudhoard.codec.encoding import Encoding
from cloudhoard.codec.errors import NotTrusted
from cloudhoard.codec.keys import PublicKey, SigningKey, TrustedSigner
from cloudhoard.domain.archive_layout import backup_info_key
from cloudhoard.domain.backup_info import BackupInfo, BackupStatus
from cloudhoard.errors import DamagedError, InvalidFormat, OperationFailed
from cloudhoard.operations.read_stored_backup import (
    StoredBackup,
    read_commit,
    read_stored_backup,
)
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.streams import read_exactly
from tests.support.key_files import KeyFiles
from tests.support.stored_backup import BACKUP_ID, HandMadeBackup, put


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage(MemoryContainer())


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return KeyFiles.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def other_keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return KeyFiles.make(tmp_path_factory.mktemp("other"))


def signed_by(keys: KeyFiles, recipient: Path) -> HandMadeBackup:
    encoding = Encoding(
        Compression("zstd", 3),
        recipients=(PublicKey.load(recipient),),
        signer=SigningKey.load(keys.signing),
    )
    return HandMadeBackup(encoding=encoding)


def read(storage: MemoryStorage, decoding: Decoding) -> StoredBackup:
    commit = read_commit(storage, BACKUP_ID, decoding)
    assert commit.info.cloudhoard is not None
    return read_stored_backup(storage, commit, commit.info.cloudhoard)


def trusting(keys: KeyFiles) -> Decoding:
    return Decoding(trusted_signers=(TrustedSigner.load(keys.signer),))


def test_backup_signed_by_a_trusted_key_is_known_as_such(
    storage: MemoryStorage, keys: KeyFiles
) -> None:
    signed_by(keys, keys.public).store(storage)

    assert read(storage, trusting(keys)).is_signed
    assert not read(storage, Decoding()).is_signed


def test_backup_that_nobody_signed_is_refused(
    storage: MemoryStorage, keys: KeyFiles
) -> None:
    replace(signed_by(keys, keys.public), signed=False).store(storage)

    with pytest.raises(NotTrusted):
        read(storage, trusting(keys))


def test_backup_that_a_stranger_signed_is_refused(
    storage: MemoryStorage, keys: KeyFiles, other_keys: KeyFiles
) -> None:
    signed_by(other_keys, keys.public).store(storage)

    with pytest.raises(NotTrusted):
        read(storage, trusting(keys))


def test_signed_commit_that_was_changed_is_refused(
    storage: MemoryStorage, keys: KeyFiles
) -> None:
    signed_by(keys, keys.public).store(storage)
    key = backup_info_key(BACKUP_ID)
    with storage.open_read(key) as source:
        content = read_exactly(source, 1 << 20)
    put(storage, key, content.replace(b"timeline=1", b"timeline=2"), overwrite=True)

    with pytest.raises(NotTrusted):
        read(storage, trusting(keys))


def test_object_that_is_gone_or_has_another_size_is_found_by_the_listing(
    storage: MemoryStorage,
) -> None:
    HandMadeBackup().store(storage)
    key = f"base/{BACKUP_ID}/data_0001.tar.zst"

    put(storage, key, b"short", overwrite=True)
    with pytest.raises(DamagedError, match="has 5 bytes, it was stored with"):
        read(storage, Decoding())
    storage.delete_objects([key])
    with pytest.raises(DamagedError, match="is missing"):
        read(storage, Decoding())


@pytest.mark.parametrize(
    "status", [status for status in BackupStatus if status is not BackupStatus.DONE]
)
def test_backup_that_is_not_done_is_refused(
    storage: MemoryStorage, status: BackupStatus
) -> None:
    def unfinished(info: BackupInfo) -> BackupInfo:
        return replace(info, status=status)

    HandMadeBackup(alter_info=unfinished).store(storage)

    with pytest.raises(OperationFailed, match="is not complete"):
        read(storage, Decoding())


def test_totals_that_contradict_the_volumes_are_refused(storage: MemoryStorage) -> None:
    def more(info: BackupInfo) -> BackupInfo:
        assert info.cloudhoard is not None
        return replace(info, cloudhoard=replace(info.cloudhoard, files=9))

    HandMadeBackup(alter_info=more).store(storage)

    with pytest.raises(InvalidFormat, match=r"its backup\.info says 9"):
        read(storage, Decoding())
