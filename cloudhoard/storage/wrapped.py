"""A storage in front of another one, for those that change a part of what it does."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

from cloudhoard.storage.protocol import ObjectInfo, Storage
from cloudhoard.streams import ByteSink, ByteSource


class WrappedStorage:
    """Another storage, as it is."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def location(self) -> str:
        """Where the other storage is."""
        return self._storage.location

    def stat(self, key: str) -> ObjectInfo:
        """As the other storage."""
        return self._storage.stat(key)

    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> AbstractContextManager[ByteSource]:
        """As the other storage."""
        return self._storage.open_read(key, offset=offset, length=length)

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        """As the other storage."""
        return self._storage.list_objects(prefix, start_after=start_after)

    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> AbstractContextManager[ByteSink]:
        """As the other storage."""
        return self._storage.open_write(key, at_most=at_most, overwrite=overwrite)

    def delete_objects(self, keys: Iterable[str]) -> None:
        """As the other storage."""
        self._storage.delete_objects(keys)

    def trust_conditions(self, *, honoured: bool) -> None:
        """As the other storage."""
        self._storage.trust_conditions(honoured=honoured)

    def drop_unfinished(self, prefix: str) -> None:
        """As the other storage."""
        self._storage.drop_unfinished(prefix)

    def check_access(self) -> None:
        """As the other storage."""
        self._storage.check_access()

    def close(self) -> None:
        """As the other storage."""
        self._storage.close()
