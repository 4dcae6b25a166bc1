"""What a process is doing in a store, to be named when it takes too long."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from cloudhoard.storage.protocol import ObjectInfo, Storage
from cloudhoard.storage.wrapped import WrappedStorage
from cloudhoard.streams import ByteSink, ByteSource


class Operations:
    """The operations that have begun and not ended, of all threads."""

    def __init__(self) -> None:
        self._texts: dict[object, str] = {}

    @contextmanager
    def doing(self, text: str) -> Iterator[None]:
        """Count the block as one operation; text as in "write KEY to URL"."""
        token = object()
        self._texts[token] = text
        try:
            yield
        finally:
            self._texts.pop(token, None)

    def oldest(self) -> str | None:
        """Return what has been going on for longest."""
        return next(iter(list(self._texts.values())), None)


OPERATIONS: Final = Operations()
"""Those of this process."""


class NamedStorage(WrappedStorage):
    """Another storage, whose operations are counted while they are in progress."""

    def __init__(self, storage: Storage, operations: Operations = OPERATIONS) -> None:
        super().__init__(storage)
        self._doing = operations.doing

    def stat(self, key: str) -> ObjectInfo:
        """As the other storage."""
        with self._doing(f"look for {key} in {self.location}"):
            return self._storage.stat(key)

    @contextmanager
    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[ByteSource]:
        """As the other storage."""
        with (
            self._doing(f"read {key} from {self.location}"),
            self._storage.open_read(key, offset=offset, length=length) as source,
        ):
            yield source

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        """As the other storage."""
        text = f"list {prefix}* in {self.location}"
        found = self._storage.list_objects(prefix, start_after=start_after)
        while True:
            with self._doing(text):
                info = next(found, None)
            if info is None:
                return
            yield info

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        """As the other storage."""
        with (
            self._doing(f"write {key} to {self.location}"),
            self._storage.open_write(key, at_most=at_most, overwrite=overwrite) as sink,
        ):
            yield sink

    def delete_objects(self, keys: Iterable[str]) -> None:
        """As the other storage."""
        with self._doing(f"delete objects in {self.location}"):
            self._storage.delete_objects(keys)

    def drop_unfinished(self, prefix: str) -> None:
        """As the other storage."""
        with self._doing(f"drop unfinished uploads in {self.location}"):
            self._storage.drop_unfinished(prefix)

    def check_access(self) -> None:
        """As the other storage."""
        with self._doing(f"list {self.location}"):
            self._storage.check_access()
