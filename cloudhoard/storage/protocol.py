"""What an object store has to offer, and the promises that come with it.

Every backend passes the one suite in tests/conformance. Keys are relative to the
place at which the storage was opened (an archive: ``<url>/<server>/``).
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cloudhoard.streams import ByteSink, ByteSource


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says about one object, without its bytes."""

    key: str
    size: int
    """Stored size in bytes (compressed and encrypted)."""
    modified: datetime
    """When the store committed it: aware, UTC, the store's clock."""


class ReadableStorage(Protocol):
    """The half of a storage that cannot change anything."""

    @property
    def location(self) -> str:
        """Where this is, for messages: a URL without secrets, without a last slash."""

    def stat(self, key: str) -> ObjectInfo:
        """Describe one object.

        Raises:
            ObjectNotFound: the store answered with authority that it is absent.
            StorageUnavailable: whether it is there is not known.
        """

    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> AbstractContextManager[ByteSource]:
        """Stream an object from byte offset, for length bytes or to its end.

        A range past the end gives what there is, possibly nothing. A read that
        breaks off raises; it never looks like the end of the object. Errors that
        the caller raises inside the block pass through untouched. Raises as stat.
        """

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        """Every object whose key starts with prefix and sorts after start_after.

        Lazily, in the order of the keys' UTF-8 bytes: a caller that takes only the
        first few pays only for them. Uploads in progress are not seen.
        """


class Storage(ReadableStorage, Protocol):
    """A flat map from keys to immutable byte strings."""

    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> AbstractContextManager[ByteSink]:
        """Stream a new object of at most at_most bytes in.

        Leaving the block normally commits the object, whole and durable; leaving it
        by an exception stores nothing. Until the commit nobody sees anything.

        Raises:
            ObjectExists: something has that key, and overwrite is not set. Known at
                the latest when the block is left.
            StorageUnavailable: whether the object was stored is not known; find out
                by reading back.
        """

    def delete_objects(self, keys: Iterable[str]) -> None:
        """Delete objects; a key that is not there is not an error."""

    def trust_conditions(self, *, honoured: bool) -> None:
        """Take note whether this store refuses by itself to create what exists.

        Where it is not known to, a look precedes every creation, and that nothing
        is overwritten is best effort. Stores whose answer is beyond doubt need none.
        """

    def drop_unfinished(self, prefix: str) -> None:
        """Drop what killed commands left unfinished below prefix, as well as we can.

        What somebody may still be writing stays. Never fails for the store's sake.
        """

    def check_access(self) -> None:
        """Prove that the container is there and may be listed; changes nothing."""

    def close(self) -> None:
        """Give back connections. Idempotent."""
