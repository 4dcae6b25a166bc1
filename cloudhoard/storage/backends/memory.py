"""Objects in this process's memory: the reference that the other stores follow."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import ClassVar

from cloudhoard.storage.errors import (
    ContainerNotFound,
    ObjectExists,
    ObjectNotFound,
    StorageError,
)
from cloudhoard.storage.object_key import check_key, check_prefix
from cloudhoard.storage.protocol import ObjectInfo
from cloudhoard.streams import ByteSink, BytesLike, ByteSource


class MemoryContainer:
    """What the clients of one memory:// URL share."""

    _named: ClassVar[dict[str, "MemoryContainer"]] = {}

    def __init__(self, name: str = "test", *, exists: bool = True) -> None:
        self.name = name
        self.exists = exists
        self.lock = threading.Lock()
        self.objects: dict[str, tuple[bytes, datetime]] = {}

    @classmethod
    def named(cls, name: str) -> "MemoryContainer":
        """Return the one container of this process that has that name."""
        return cls._named.setdefault(name, cls(name))


class MemoryStorage:
    """A storage whose objects are gone when the process ends."""

    def __init__(self, container: MemoryContainer, path: str = "") -> None:
        self._container = container
        self._path = f"{path}/" if path else ""

    @property
    def location(self) -> str:
        return f"memory://{self._container.name}/{self._path}".rstrip("/")

    def stat(self, key: str) -> ObjectInfo:
        content, modified = self._find(key)
        return ObjectInfo(key, len(content), modified)

    @contextmanager
    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[ByteSource]:
        content, _ = self._find(key)
        end = len(content) if length is None else offset + length
        yield _MemorySource(content[offset:end])

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        beginning = self._path + check_prefix(prefix)
        with self._container.lock:
            keys = sorted(self._objects())
        for full_key in keys[bisect_left(keys, beginning) :]:
            if not full_key.startswith(beginning):
                return
            key = full_key.removeprefix(self._path)
            found = self._container.objects.get(full_key)
            if key > start_after and found is not None:
                yield ObjectInfo(key, len(found[0]), found[1])

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        full_key = self._path + check_key(key)
        self._refuse_existing(key, full_key, overwrite=overwrite)
        sink = _MemorySink(key, at_most)
        yield sink
        with self._container.lock:
            self._refuse_existing(key, full_key, overwrite=overwrite)
            self._objects()[full_key] = bytes(sink.content), datetime.now(UTC)

    def delete_objects(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._objects().pop(self._path + check_key(key), None)

    def trust_conditions(self, *, honoured: bool) -> None:
        pass  # creation is exclusive here

    def drop_unfinished(self, prefix: str) -> None:
        pass  # nothing is left of an upload

    def check_access(self) -> None:
        self._objects()

    def close(self) -> None:
        pass

    def _objects(self) -> dict[str, tuple[bytes, datetime]]:
        if not self._container.exists:
            message = f"there is no container memory://{self._container.name}"
            raise ContainerNotFound(message)
        return self._container.objects

    def _find(self, key: str) -> tuple[bytes, datetime]:
        found = self._objects().get(self._path + check_key(key))
        if found is None:
            message = f"there is no {key} in {self.location}"
            raise ObjectNotFound(message)
        return found

    def _refuse_existing(self, key: str, full_key: str, *, overwrite: bool) -> None:
        if full_key in self._objects() and not overwrite:
            message = f"{key} is already in {self.location}"
            raise ObjectExists(message)


class _MemorySource:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def read(self, size: int = -1, /) -> bytes:
        end = len(self._content) if size < 0 else self._position + size
        block = self._content[self._position : end]
        self._position += len(block)
        return block


class _MemorySink:
    def __init__(self, key: str, at_most: int) -> None:
        self.content = bytearray()
        self._key = key
        self._at_most = at_most

    def write(self, data: BytesLike, /) -> int:
        with memoryview(data) as view:
            size = view.nbytes
        if len(self.content) + size > self._at_most:
            message = f"{self._key} is larger than the {self._at_most} bytes announced"
            raise StorageError(message)
        self.content += data
        return size
