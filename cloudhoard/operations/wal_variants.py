"""The objects that hold one WAL file: one in each compression it was stored in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cloudhoard.domain.archive_layout import parse_wal_key, wal_key
from cloudhoard.domain.wal_file import InvalidWalName, WalFile
from cloudhoard.storage.protocol import ObjectInfo, ReadableStorage


@dataclass(frozen=True, slots=True)
class StoredWal:
    """One object of the archive that holds a WAL file."""

    name: str
    """The WAL file's name, with .partial where it has it."""
    suffix: str
    """What compression and encryption add to the name."""

    @property
    def key(self) -> str:
        """Its key in the archive."""
        return wal_key(self.name) + self.suffix

    @property
    def is_encrypted(self) -> bool:
        """Whether it takes a private key to read."""
        return self.suffix.endswith(".enc")


def parse_stored(listing: Iterable[ObjectInfo]) -> Iterator[StoredWal]:
    """The WAL objects among those listed, in their order; others are passed over."""
    for info in listing:
        wal = parse_wal_key(info.key)
        if wal is None:
            continue
        try:
            WalFile.parse(wal.name)
        except InvalidWalName:  # digits, but beyond what segments are numbered
            continue
        yield StoredWal(wal.name, wal.suffix)


def find_variants(storage: ReadableStorage, name: str) -> tuple[StoredWal, ...]:
    """Every object that holds the WAL file name; one LIST."""
    listed = parse_stored(storage.list_objects(wal_key(name)))
    return tuple(stored for stored in listed if stored.name == name)
