"""Taking backups out of an archive so that none is ever half there.

A marker goes first and last: while it is there a deletion can be told from a backup
that is being taken, and be finished by the next run. backup.info goes before all else
of the backup, which makes the backup gone for everybody, barman too.
"""

import logging
import os
import platform
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import cloudhoard
from cloudhoard.domain.archive_layout import (
    backup_info_key,
    backup_prefix,
    deleting_key,
    is_of_a_backup,
    keep_key,
)
from cloudhoard.domain.backup_info import LARGEST_BACKUP_INFO
from cloudhoard.domain.deleting_marker import MARKER_HOLDS, DeletingMarker
from cloudhoard.errors import CloudHoardError, OperationFailed
from cloudhoard.operations.store_clock import RunningClock
from cloudhoard.storage.errors import (
    AccessDenied,
    ObjectExists,
    ObjectNotFound,
    StorageUnavailable,
)
from cloudhoard.storage.protocol import ObjectInfo, ReadableStorage, Storage
from cloudhoard.streams import read_exactly

_log = logging.getLogger(__name__)

_ATTEMPTS: Final = 3
"""Looks at a backup's directory until nothing of a backup is left in it."""


class BackupDeletion:
    """The deletion of some backups: marked, taken away, and the markers removed."""

    def __init__(self, storage: Storage, now: datetime, *, batch_size: int) -> None:
        """Begin.

        Args:
            storage: the archive.
            now: aware, by the store's clock.
            batch_size: objects in one request.
        """
        self._storage = storage
        self._clock = RunningClock(now)
        self._batch_size = batch_size
        self._ours: list[str] = []
        """Markers made by this run, of backups that are whole."""
        self._gone: list[str] = []

    @contextmanager
    def marking(
        self, backup_ids: Sequence[str], stale: Collection[str] = ()
    ) -> Iterator[None]:
        """Mark backups; whichever is still whole after the block is unmarked.

        Args:
            backup_ids: the backups.
            stale: those whose markers are too old to tell others anything; such a
                marker is made anew.

        Raises:
            StorageError: a marker cannot be stored; none stays behind.
        """
        try:
            for backup_id in backup_ids:
                self._mark(backup_id, is_stale=backup_id in stale)
            yield
        finally:
            for backup_id in list(self._ours):
                self.unmark_own(backup_id)

    def unmark_own(self, backup_id: str) -> None:
        """Withdraw a marker, if this run has made it; the backup stays as it was."""
        if backup_id in self._ours:
            self._ours.remove(backup_id)
            self.unmark(backup_id)

    def unmark(self, backup_id: str) -> None:
        """Withdraw a marker, whoever has made it; the backup stays as it was."""
        try:
            self._storage.delete_objects([deleting_key(backup_id)])
        except (CloudHoardError, OSError) as error:
            _log.warning(
                "backup %s is whole, but its marker stays: %s", backup_id, error
            )

    def delete(self, backup_id: str) -> tuple[int, int]:
        """Take a marked backup away, all but its marker; that it is gone is fine.

        Returns:
            Objects and bytes that were deleted, the marker not counted.

        Raises:
            OperationFailed: somebody keeps it since, or has removed the marker, or
                that has been there for too long.
            AccessDenied: the store refuses; while backup.info is there nothing else
                has been touched.
            StorageError: it may be gone in part, and the next run resumes.
        """
        objects = list(self._storage.list_objects(backup_prefix(backup_id)))
        _check_doomed(backup_id, objects, self._clock.now())
        self._delete_info(backup_id)
        self._storage.drop_unfinished(backup_prefix(backup_id))
        deleted = self._delete_rest(backup_id, objects)
        self._gone.append(backup_id)
        _log.info("backup %s is deleted", backup_id)
        return len(deleted), sum(each.size for each in deleted)

    def finish(self) -> None:
        """Remove the markers of what is gone."""
        markers = [deleting_key(backup_id) for backup_id in self._gone]
        for start in range(0, len(markers), self._batch_size):
            self._storage.delete_objects(markers[start : start + self._batch_size])

    def _mark(self, backup_id: str, *, is_stale: bool) -> None:
        marker = DeletingMarker(
            backup_id=backup_id,
            begun_at=datetime.now(UTC),
            host=platform.node(),
            process_id=os.getpid(),
            tool_version=cloudhoard.__version__,
            backup_info=_read_info(self._storage, backup_id),
        )
        content = marker.to_json()
        key = deleting_key(backup_id)
        try:
            with self._storage.open_write(
                key, at_most=len(content), overwrite=is_stale
            ) as sink:
                sink.write(content)
        except ObjectExists:
            return  # an earlier run's or another's at this moment, who wants the same
        except StorageUnavailable:
            self._ours.append(backup_id)  # it may be there, and is withdrawn then
            raise
        self._ours.append(backup_id)

    def _delete_info(self, backup_id: str) -> None:
        try:
            self._storage.delete_objects([backup_info_key(backup_id)])
        except AccessDenied:
            raise  # nothing has changed, and the marker is withdrawn if it is ours
        except BaseException:
            # It may be gone: then the marker is what the next run resumes by.
            self._forget(backup_id)
            raise
        self._forget(backup_id)

    def _forget(self, backup_id: str) -> None:
        if backup_id in self._ours:
            self._ours.remove(backup_id)

    def _delete_rest(
        self, backup_id: str, objects: Sequence[ObjectInfo]
    ) -> list[ObjectInfo]:
        """Delete what is left behind backup.info; return that and backup.info."""
        info = backup_info_key(backup_id)
        deleted = [each for each in objects if each.key == info]
        objects = [each for each in objects if each.key != info]
        for _ in range(_ATTEMPTS):
            ours = _parts(backup_id, objects)
            if not ours:
                break
            for start in range(0, len(ours), self._batch_size):
                batch = ours[start : start + self._batch_size]
                self._storage.delete_objects(each.key for each in batch)
            deleted += ours
            # A backup may have been taken here until a moment ago.
            objects = list(self._storage.list_objects(backup_prefix(backup_id)))
        foreign = [e.key for e in objects if not is_of_a_backup(e.key)]
        if foreign:
            _log.warning(
                "%s is not a part of the backup and stays, with %d others",
                foreign[0],
                len(foreign) - 1,
            )
        return deleted


def _parts(backup_id: str, objects: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    """Those of the objects that are the backup's; backup.info first, if it is."""
    marker = deleting_key(backup_id)
    found = [e for e in objects if is_of_a_backup(e.key) and e.key != marker]
    return sorted(found, key=lambda each: each.key != backup_info_key(backup_id))


def objects_to_delete(storage: ReadableStorage, backup_id: str) -> list[ObjectInfo]:
    """What of a backup there is besides the marker of its deletion."""
    return _parts(backup_id, storage.list_objects(backup_prefix(backup_id)))


def _check_doomed(backup_id: str, objects: Iterable[ObjectInfo], now: datetime) -> None:
    """Return normally when a backup of these objects is to be deleted still."""
    found = {each.key: each.modified for each in objects}
    if backup_info_key(backup_id) not in found:
        return
    if keep_key(backup_id) in found:
        raise OperationFailed(f"somebody keeps backup {backup_id} since just now")
    marked_at = found.get(deleting_key(backup_id))
    if marked_at is None:
        raise OperationFailed(f"somebody stopped the deletion of backup {backup_id}")
    if now - marked_at > MARKER_HOLDS:
        # Soon others take the marker for forgotten, and count the backup.
        raise OperationFailed(
            f"backup {backup_id} stays, as its turn did not come within"
            f" {MARKER_HOLDS // timedelta(minutes=1)} minutes",
            hint="run the same again: it goes on here",
        )


def _read_info(storage: ReadableStorage, backup_id: str) -> bytes | None:
    try:
        with storage.open_read(backup_info_key(backup_id)) as source:
            return read_exactly(source, LARGEST_BACKUP_INFO)
    except ObjectNotFound:
        return None
