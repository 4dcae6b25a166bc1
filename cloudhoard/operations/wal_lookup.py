"""What the archive holds under a WAL file's name, and of the WAL behind it."""

from collections.abc import Iterable
from dataclasses import dataclass

from cloudhoard.domain.archive_layout import WAL_PREFIX, wal_key
from cloudhoard.domain.wal_file import WalFile, WalFileKind
from cloudhoard.operations.wal_variants import StoredWal, find_variants, parse_stored
from cloudhoard.storage.protocol import ReadableStorage

_TIMELINE_DIGITS = 8
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class WalLookup:
    """What one listing showed."""

    whole: tuple[StoredWal, ...]
    """Objects that hold the file under its own name."""
    partial: tuple[StoredWal, ...] = ()
    """Objects that hold its partial segment."""
    later: str | None = None
    """Name of a later segment of the same timeline, when looked for and there."""


def look_up(storage: ReadableStorage, file: WalFile) -> WalLookup:
    """Find a WAL file in the archive, by one LIST that shows little else."""
    if file.kind is not WalFileKind.SEGMENT:
        return WalLookup(find_variants(storage, file.name))
    listing = storage.list_objects(wal_key(file.name))
    return _sorted_out(file.name, parse_stored(listing))


def look_up_with_later(storage: ReadableStorage, file: WalFile) -> WalLookup:
    """Find a WAL file, and whether a segment follows it, by one LIST.

    What is seen is of one moment: a file that was archived since look_up found none
    is not taken for missing. Files of other kinds are not looked for once more.
    """
    if file.kind is not WalFileKind.SEGMENT:
        return WalLookup(())
    # Without its last digit the key sorts just before the file's own objects.
    listing = storage.list_objects(
        WAL_PREFIX + file.name[:_TIMELINE_DIGITS],
        start_after=wal_key(file.name)[:-1],
    )
    return _sorted_out(file.name, parse_stored(listing))


def _sorted_out(name: str, listing: Iterable[StoredWal]) -> WalLookup:
    whole: list[StoredWal] = []
    partial: list[StoredWal] = []
    for stored in listing:
        if stored.name == name:
            whole.append(stored)
        elif stored.name == name + _PARTIAL:
            partial.append(stored)
        elif _is_segment(stored.name) and stored.name[: len(name)] > name:
            return WalLookup(tuple(whole), tuple(partial), stored.name)
    return WalLookup(tuple(whole), tuple(partial))


def _is_segment(name: str) -> bool:
    return "." not in name or name.endswith(_PARTIAL)
