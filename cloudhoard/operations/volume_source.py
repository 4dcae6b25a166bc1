"""The files of a backup, dealt out to several volumes that are written at a time."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cloudhoard.operations.tar_header import BLOCK_SIZE, member_size
from cloudhoard.postgres.data_directory import SourceEntry

_HEADER_SIZE: Final = 4 * BLOCK_SIZE
"""A member's header and its pax records, but for a name that is in one of them."""


@dataclass(frozen=True, slots=True)
class VolumeStart:
    """A volume to be written: its number among its item's, and what it begins with."""

    item: str
    index: int
    first: SourceEntry


class VolumeSource:
    """A lazy walk that several threads draw from.

    Entries are handed out once each.  An error of the walk reaches the thread that
    draws; the walk is then at its end for all the others.
    """

    def __init__(self, entries: Iterator[SourceEntry]) -> None:
        self._entries = entries
        self._lock = threading.Lock()
        self._next: SourceEntry | None = None
        self._volumes: defaultdict[str, int] = defaultdict(int)

    def start_volume(self) -> VolumeStart | None:
        """Take what a new volume begins with, or None if nothing is left."""
        with self._lock:
            first = self._peek()
            if first is None:
                return None
            self._next = None
            return VolumeStart(first.item, self._number(first.item), first)

    def number_volume(self, item: str) -> int:
        """Take the next free number among the item's volumes."""
        with self._lock:
            return self._number(item)

    def take(self, item: str, room: int) -> SourceEntry | None:
        """Take the next entry if it is the item's and fits into room bytes of tar."""
        with self._lock:
            entry = self._peek()
            if entry is None or entry.item != item or size_in_tar(entry) > room:
                return None
            self._next = None
            return entry

    def _number(self, item: str) -> int:
        number = self._volumes[item]
        self._volumes[item] += 1
        return number

    def _peek(self) -> SourceEntry | None:
        if self._next is None:
            self._next = next(self._entries, None)
        return self._next


def size_in_tar(entry: SourceEntry) -> int:
    """Return the most bytes of tar that entry can take."""
    size = 0 if entry.is_directory else entry.status.st_size
    return member_size(_HEADER_SIZE + len(entry.name), size)
