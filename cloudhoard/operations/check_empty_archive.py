"""Whether an archive may be used by a cluster that has never written to it."""

from cloudhoard.domain.archive_layout import (
    BACKUPS_PREFIX,
    IDENTITY_KEY,
    PARTIAL_PREFIX,
    WAL_PREFIX,
    is_backup_key,
)
from cloudhoard.domain.backup import Backup
from cloudhoard.domain.stored_wal import stored_wal
from cloudhoard.domain.wal_file import split_segment_name
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.archive_identity import read_identity
from cloudhoard.operations.read_catalog import read_catalog
from cloudhoard.storage.protocol import ReadableStorage

_NEW_CLUSTER_HINT = (
    "a new cluster needs a SERVER_NAME of its own; for a restored one give the"
    " timeline that it will begin by --timeline"
)


class ArchiveInUse(OperationFailed):
    """Something is there that the new WAL would lie among."""


def check_empty(storage: ReadableStorage) -> None:
    """Return normally when the archive holds nothing of any cluster.

    Objects that are neither WAL nor of a backup are passed over. The first that
    counts ends the listing.

    Raises:
        ArchiveInUse: it is some cluster's; the message names what is there.
        StorageError: that cannot be found out.
    """
    for found in storage.list_objects():
        if found.key == IDENTITY_KEY:
            raise _claimed(storage)
        if is_backup_key(found.key) or stored_wal(found.key) is not None:
            raise ArchiveInUse(
                f"the archive {storage.location} is not empty: it has {found.key}",
                hint=_NEW_CLUSTER_HINT,
            )


def check_timeline_is_free(storage: ReadableStorage, timeline: int) -> None:
    """Return normally when nothing in the archive is of timeline or a later one.

    Raises:
        ArchiveInUse: something is; the message names it.
        StorageError: that cannot be found out.
    """
    if next(iter(storage.list_objects()), None) is None:
        return  # nothing at all: not even what would show that it is an archive
    for prefix in (WAL_PREFIX, PARTIAL_PREFIX):
        # Names sort by timeline first, so what is earlier is not even listed.
        start = f"{prefix}{timeline:08X}"
        for found in storage.list_objects(prefix, start_after=start):
            file = stored_wal(found.key)
            if file is not None and file.timeline >= timeline:
                raise _taken(storage, timeline, found.key)
    for backup in read_catalog(storage, trust=None).backups:
        if (_timeline_of(backup) or 0) >= timeline:
            raise _taken(storage, timeline, f"{BACKUPS_PREFIX}{backup.backup_id}/")


def _claimed(storage: ReadableStorage) -> ArchiveInUse:
    identity = read_identity(storage)
    owner = f" {identity.system_identifier}" if identity is not None else ""
    return ArchiveInUse(
        f"the archive {storage.location} belongs to the cluster with system"
        f" identifier{owner}",
        hint=_NEW_CLUSTER_HINT,
    )


def _taken(storage: ReadableStorage, timeline: int, key: str) -> ArchiveInUse:
    return ArchiveInUse(
        f"the archive {storage.location} has {key}, which is not before timeline"
        f" {timeline}",
        hint="restore to the latest timeline of the archive, or use a new SERVER_NAME",
    )


def _timeline_of(backup: Backup) -> int | None:
    if backup.info is not None:
        return backup.info.timeline
    if backup.started is not None:
        return int(split_segment_name(backup.started.first_wal)[0], 16)
    return None
