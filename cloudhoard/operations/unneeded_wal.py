"""The WAL objects of an archive that no backup needs any more."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from cloudhoard.domain.archive_layout import PARTIAL_PREFIX, WAL_PREFIX
from cloudhoard.domain.stored_wal import stored_wal
from cloudhoard.domain.wal_cleanup import WalCleanup
from cloudhoard.domain.wal_file import WalFile
from cloudhoard.storage.protocol import ObjectInfo, ReadableStorage

_BEHIND_ALL_DIGITS: Final = "~"


def unneeded_wal(
    storage: ReadableStorage,
    cleanup: WalCleanup,
    *,
    stored_before: datetime,
    at_a_time: int,
) -> Iterator[list[ObjectInfo]]:
    """Batches of the objects whose WAL is not needed; delete each before the next.

    What nobody but PostgreSQL could have named so is passed over, whatever it is.
    What is needed is not even listed, but for the first segment of each timeline.

    Args:
        storage: the archive.
        cleanup: what is needed.
        stored_before: aware, by the store's clock. What was stored later may be of a
            backup that began later than the needs were looked up.
        at_a_time: objects of one batch, at most.
    """
    if cleanup.obstacles:
        return
    for prefix in (WAL_PREFIX, PARTIAL_PREFIX):
        after = ""
        while True:
            # A listing of its own each time: what it goes through is being deleted.
            found = _unneeded(storage, prefix, after, cleanup, stored_before)
            batch = list(islice(found, at_a_time))
            if not batch:
                break
            after = batch[-1].key
            yield batch


@dataclass(frozen=True, slots=True)
class Timelines:
    """What the names of WAL say about timelines."""

    first_segments: Mapping[int, str]
    """The name of the first segment of each timeline of which there is WAL."""
    without_wal: ObjectInfo | None
    """The history of the newest timeline, if that has no WAL yet."""


def timelines_of(storage: ReadableStorage) -> Timelines:
    """What there is of each timeline; one listing for each, however much WAL it has."""
    found: dict[int, str] = {}
    after = ""
    while True:
        history = None
        for each in storage.list_objects(WAL_PREFIX, start_after=after):
            file = stored_wal(each.key)
            if file is None:
                continue
            if file.segment_name is not None:
                found[file.timeline] = file.segment_name
                after = _end_of_timeline(WAL_PREFIX, file)
                break
            history = each
        else:
            return Timelines(found, history)


def _unneeded(
    storage: ReadableStorage,
    prefix: str,
    after: str,
    cleanup: WalCleanup,
    stored_before: datetime,
) -> Iterator[ObjectInfo]:
    start: str | None = after
    while start is not None:
        listing = storage.list_objects(prefix, start_after=start)
        start = None
        for found in listing:
            file = stored_wal(found.key)
            if file is None:
                continue
            if file.segment_name and cleanup.is_all_needed_from(file.segment_name):
                start = _end_of_timeline(prefix, file)
                break
            if not cleanup.is_needed(file) and found.modified < stored_before:
                yield found


def _end_of_timeline(prefix: str, file: WalFile) -> str:
    """What sorts behind all names of the file's timeline."""
    return f"{prefix}{file.timeline:08X}{_BEHIND_ALL_DIGITS}"
