"""Taking an id for a backup: the marker that is its first object."""

import logging
import os
import platform
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

import cloudhoard
from cloudhoard.domain.archive_layout import (
    BACKUPS_PREFIX,
    backup_id_of,
    backup_info_key,
    new_backup_id,
    newest_backup_id,
    started_key,
)
from cloudhoard.domain.started_marker import StartedMarker
from cloudhoard.domain.wal import WalSegment
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.backup_source import BackupSource
from cloudhoard.storage.errors import ObjectExists, StorageError, StorageUnavailable
from cloudhoard.storage.protocol import Storage
from cloudhoard.streams import read_exactly

_log = logging.getLogger(__name__)

_ATTEMPTS: Final = 30
"""Backups that may be started in the same moment without one giving up."""


def start_backup(
    storage: Storage, source: BackupSource, *, name: str | None
) -> StartedMarker:
    """Return the marker of a new backup, which is stored: the id is ours.

    Raises:
        StorageError: it cannot be stored.
    """
    run_id = secrets.token_hex(8)
    now = datetime.now(UTC)
    existing = _existing(storage)
    newest = newest_backup_id(existing, now)
    for backup_id, has_info in existing.items():
        # A run may have been killed just after its last object appeared.
        if not has_info or backup_id == newest:
            _abort_uploads(storage, backup_id)
    for attempt in range(_ATTEMPTS):
        backup_id = new_backup_id(now + timedelta(seconds=attempt), newest)
        marker = _marker(source, backup_id=backup_id, run_id=run_id, name=name)
        if _create(storage, marker):
            return marker
        newest = backup_id
    raise OperationFailed(
        f"{_ATTEMPTS} other backups were started in {storage.location} meanwhile"
    )


def _existing(storage: Storage) -> dict[str, bool]:
    """Every backup id there is, and whether the backup has come to an end."""
    found: dict[str, bool] = {}
    for info in storage.list_objects(BACKUPS_PREFIX):
        backup_id = backup_id_of(info.key)
        if backup_id is not None:
            is_info = info.key == backup_info_key(backup_id)
            found[backup_id] = found.get(backup_id, False) or is_info
    return found


class _NothingToWrite(Exception):
    """Ends an upload that was begun for its side effect."""


def _abort_uploads(storage: Storage, backup_id: str) -> None:
    """Have the store drop what a killed run was sending; a living one's is safe.

    Stores do that when somebody begins to write under the same name, or into the
    same directory; we begin, and store nothing.
    """
    storage.drop_unfinished(f"{BACKUPS_PREFIX}{backup_id}/")
    try:
        with storage.open_write(started_key(backup_id), at_most=1):
            raise _NothingToWrite  # noqa: TRY301 - the block has to end by it
    except (_NothingToWrite, ObjectExists):
        return
    except StorageError as error:
        _log.warning("unfinished backup %s: %s", backup_id, error)


def _marker(
    source: BackupSource, *, backup_id: str, run_id: str, name: str | None
) -> StartedMarker:
    first_wal = WalSegment.containing(
        source.control.redo_lsn,
        timeline=source.control.timeline,
        segment_size=source.server.segment_size,
    )
    return StartedMarker(
        backup_id=backup_id,
        run_id=run_id,
        started_at=datetime.now(UTC),
        host=platform.node(),
        process_id=os.getpid(),
        tool_version=cloudhoard.__version__,
        system_identifier=source.server.system_identifier,
        data_directory=str(source.data_directory),
        first_wal=first_wal.name,
        backup_name=name,
    )


def _create(storage: Storage, marker: StartedMarker) -> bool:
    """Create the marker; false if another backup has taken the id."""
    key, content = started_key(marker.backup_id), marker.to_json()
    try:
        with storage.open_write(key, at_most=len(content)) as sink:
            sink.write(content)
    except (ObjectExists, StorageUnavailable) as error:
        # Its run id tells our own marker from another's when an answer was lost.
        with storage.open_read(key) as source:
            is_ours = read_exactly(source, len(content) + 1) == content
        if isinstance(error, StorageUnavailable) and not is_ours:
            raise
        return is_ours
    return True
