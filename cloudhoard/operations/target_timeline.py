"""The history of the timeline that a recovery is to follow."""

from cloudhoard.codec.decoding import Decoding
from cloudhoard.domain.archive_layout import wal_key
from cloudhoard.domain.recovery_target import TargetTimeline
from cloudhoard.domain.timeline import TimelineHistory, history_file_name
from cloudhoard.domain.wal_file import WalFile
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.stored_wal_reader import ExpectedCluster, StoredWalReader
from cloudhoard.storage.protocol import ReadableStorage


def read_target_history(
    storage: ReadableStorage,
    decoding: Decoding,
    choice: TargetTimeline,
    *,
    backup_timeline: int,
    system_identifier: int | None,
) -> TimelineHistory:
    """The history of the timeline that choice means for a backup of backup_timeline.

    Latest is found as the server finds it: number by number from the backup's own
    (src/backend/access/transam/timeline.c, findNewestTimeLine).

    Raises:
        OperationFailed: the archive does not have the history of that timeline.
        DamagedError: the history cannot be read.
    """
    timeline = backup_timeline
    if choice == "latest":
        while _has_history(storage, timeline + 1):
            timeline += 1
    elif choice != "current":
        timeline = choice
    if timeline in (1, backup_timeline):
        return _own_history(storage, decoding, timeline, system_identifier)
    history = _read(storage, decoding, timeline, system_identifier)
    if history is None:
        raise OperationFailed(
            f"timeline {timeline} is not known in {storage.location}:"
            f" it holds no {history_file_name(timeline)}"
        )
    return history


def _own_history(
    storage: ReadableStorage,
    decoding: Decoding,
    timeline: int,
    system_identifier: int | None,
) -> TimelineHistory:
    """The history of a timeline that is there for certain, be its file or not."""
    history = _read(storage, decoding, timeline, system_identifier)
    return TimelineHistory(timeline) if history is None else history


def _read(
    storage: ReadableStorage,
    decoding: Decoding,
    timeline: int,
    system_identifier: int | None,
) -> TimelineHistory | None:
    if timeline == 1:
        return None
    cluster = ExpectedCluster(system_identifier=system_identifier)
    file = WalFile.parse(history_file_name(timeline))
    return StoredWalReader(storage, decoding, cluster).history(file)


def _has_history(storage: ReadableStorage, timeline: int) -> bool:
    key = wal_key(history_file_name(timeline))
    return next(iter(storage.list_objects(key)), None) is not None
