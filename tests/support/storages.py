"""Storages that stand before another one: one that counts, one without conditions."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress

from cloudhoard.storage.errors import ObjectExists, ObjectNotFound
from cloudhoard.storage.protocol import ObjectInfo, Storage
from cloudhoard.storage.wrapped import WrappedStorage
from cloudhoard.streams import ByteSink, ByteSource


class RecordingStorage(WrappedStorage):
    """Passes everything on, and keeps what was asked for."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self.requests: list[str] = []

    def stat(self, key: str) -> ObjectInfo:
        self.requests.append(f"HEAD {key}")
        return self._storage.stat(key)

    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> AbstractContextManager[ByteSource]:
        self.requests.append(f"GET {key}")
        return self._storage.open_read(key, offset=offset, length=length)

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        self.requests.append(f"LIST {prefix}")
        return self._storage.list_objects(prefix, start_after=start_after)

    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> AbstractContextManager[ByteSink]:
        self.requests.append(f"PUT {key}")
        return self._storage.open_write(key, at_most=at_most, overwrite=overwrite)


class UnconditionalStorage(RecordingStorage):
    """A store that does not honour conditional creates, as some S3 compatibles.

    A look precedes each creation, unless somebody says that it is not needed.
    """

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self._is_trusted = False

    def trust_conditions(self, *, honoured: bool) -> None:
        self._is_trusted = honoured

    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> AbstractContextManager[ByteSink]:
        if not (overwrite or self._is_trusted):
            with suppress(ObjectNotFound):
                self.stat(key)
                raise ObjectExists(key)
        return super().open_write(key, at_most=at_most, overwrite=True)
