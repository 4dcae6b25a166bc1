import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zstandard

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding
from cloudhoard.domain.volume_list import BackupObject, ObjectKind
from cloudhoard.operations.backup_objects import BackupObjects
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.errors import ObjectExists, StorageUnavailable
from cloudhoard.streams import ByteSink

KEY = "base/20261121T101010/data.tar.zst"


class LosesAnswers(MemoryStorage):
    """Stores everything, and then says that it is not known."""

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        with super().open_write(key, at_most=at_most, overwrite=overwrite) as sink:
            yield sink
        raise StorageUnavailable("timed out")


def objects(storage: MemoryStorage) -> BackupObjects:
    encoding = Encoding(Compression("zstd", 3))
    return BackupObjects(storage, encoding=encoding, system_identifier=7)


def stored(storage: MemoryStorage) -> bytes:
    with storage.open_read(KEY) as source:
        return source.read()


def test_object_is_stored_and_described() -> None:
    storage = MemoryStorage(MemoryContainer())
    ours = objects(storage)

    with ours.storing(KEY, at_most=100) as sink:
        sink.write(b"plain" * 10)

    content = stored(storage)
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    assert decompressor.decompress(content) == b"plain" * 10
    assert ours.describe(
        KEY, ObjectKind.DATA, files=3, item="data", index=0
    ) == BackupObject(
        name="data.tar.zst",
        kind=ObjectKind.DATA,
        stored_size=len(content),
        stored_sha256=hashlib.sha256(content).hexdigest(),
        plain_size=50,
        files=3,
        item="data",
        index=0,
        codec=".zst",
    )


def test_object_whose_answer_was_lost_is_read_back_and_is_ours() -> None:
    storage = LosesAnswers(MemoryContainer())
    ours = objects(storage)

    with ours.storing(KEY, at_most=100) as sink:
        sink.write(b"plain")

    assert ours.describe(KEY, ObjectKind.DATA).stored_size == len(stored(storage))


def test_name_that_holds_something_else_stays_an_error() -> None:
    storage = MemoryStorage(MemoryContainer())
    with storage.open_write(KEY, at_most=5) as sink:
        sink.write(b"other")
    ours = objects(storage)

    with pytest.raises(ObjectExists), ours.storing(KEY, at_most=100) as encoded:
        encoded.write(b"plain")

    assert stored(storage) == b"other"
    with pytest.raises(KeyError):
        ours.describe(KEY, ObjectKind.DATA)


def test_error_inside_the_block_stores_nothing() -> None:
    storage = MemoryStorage(MemoryContainer())

    def fail() -> None:
        with objects(storage).storing(KEY, at_most=100) as sink:
            sink.write(b"plain")
            raise StorageUnavailable("of another call")

    with pytest.raises(StorageUnavailable, match="of another call"):
        fail()
    assert list(storage.list_objects("")) == []
