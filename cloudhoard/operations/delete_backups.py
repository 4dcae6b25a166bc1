"""Deleting backups, by a policy or one by name, and then the WAL they leave behind."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cloudhoard.domain.backup import Backup, BackupState
from cloudhoard.domain.catalog import Catalog
from cloudhoard.domain.deleting_marker import MARKER_HOLDS
from cloudhoard.domain.deletion_choice import (
    NOT_CONTINUED,
    Choice,
    Chooser,
    forgotten_markers,
)
from cloudhoard.domain.deletion_report import (
    DeletedBackup,
    DeletedWal,
    DeletionReason,
    DeletionReport,
)
from cloudhoard.domain.foreign_backups import ClusterConflict
from cloudhoard.domain.stored_wal import stored_wal
from cloudhoard.domain.wal_cleanup import plan_cleanup
from cloudhoard.operations.archive_identity import read_identity
from cloudhoard.operations.backup_deletion import BackupDeletion, objects_to_delete
from cloudhoard.operations.read_catalog import read_catalog
from cloudhoard.operations.store_clock import check_clocks, read_store_clock
from cloudhoard.operations.unneeded_wal import (
    timelines_of,
    unneeded_wal,
)
from cloudhoard.storage.protocol import ObjectInfo, Storage

if TYPE_CHECKING:
    # Its import takes longer than most deletions.
    from cloudhoard.codec.decoding import Decoding

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionSettings:
    """What the user may decide besides which backups go."""

    trust: "Decoding | None" = None
    is_dry_run: bool = False
    batch_size: int = 1000


def delete_backups(
    storage: Storage, chooser: Chooser, settings: DeletionSettings
) -> DeletionReport:
    """Delete what chooser chooses, what earlier runs left, and WAL nobody needs.

    Raises:
        OperationFailed: the choice is refused; nothing has been changed.
        StorageError: the next run goes on where this one failed.
    """
    return _Run(storage, chooser, settings).go()


@dataclass(slots=True)
class _Wal:
    """The WAL that was deleted, by timeline."""

    by_timeline: dict[int, DeletedWal] = field(default_factory=dict)

    def add(self, found: ObjectInfo) -> None:
        file = stored_wal(found.key)
        if file is None or file.segment_name is None:
            raise AssertionError(found.key)
        name = file.segment_name
        new = DeletedWal(file.timeline, name, name)
        total = self.by_timeline.setdefault(file.timeline, new)
        total.first = min(total.first, name)
        total.last = max(total.last, name)
        total.objects += 1
        total.size += found.size

    @property
    def totals(self) -> tuple[DeletedWal, ...]:
        return tuple(total for _, total in sorted(self.by_timeline.items()))


class _Run:
    """One deletion from the choice to the last marker."""

    def __init__(
        self, storage: Storage, chooser: Chooser, settings: DeletionSettings
    ) -> None:
        self._storage = storage
        self._chooser = chooser
        self._settings = settings
        identity = read_identity(storage)
        self._owner = identity.system_identifier if identity is not None else None
        self._backups: list[DeletedBackup] = []
        self._wal = _Wal()

    def go(self) -> DeletionReport:
        catalog, choice = self._choose(datetime.now(UTC))
        for note in choice.notes:
            _log.warning("%s", note)
        resumed = _interrupted(catalog)
        if self._settings.is_dry_run:
            return self._pretend(catalog, choice, resumed)
        if choice.backup_ids or resumed or self._forgotten(catalog, datetime.now(UTC)):
            return self._delete_all(catalog, choice, resumed)
        return self._report(catalog, choice)

    def _delete_all(
        self, catalog: Catalog, choice: Choice, resumed: Sequence[str]
    ) -> DeletionReport:
        now = read_store_clock(self._storage)
        if self._chooser.goes_by_policy:
            check_clocks(now)
        elif choice.backup_ids:
            self._chooser.choose(catalog, now)  # whether it runs only this clock tells
        deletion = BackupDeletion(
            self._storage, now, batch_size=self._settings.batch_size
        )
        stale = forgotten_markers(catalog, now, after=MARKER_HOLDS / 2)
        with deletion.marking(choice.backup_ids, stale):
            catalog, choice = self._choose_again(choice, deletion, now)
            for backup_id in choice.backup_ids:
                self._delete(deletion, backup_id, self._chooser.reason)
            for backup_id in resumed:
                self._delete(deletion, backup_id, DeletionReason.INTERRUPTED)
        forgotten = set(self._forgotten(catalog, now)) - set(choice.backup_ids)
        for backup_id in sorted(forgotten):
            deletion.unmark(backup_id)
            _log.info("backup %s is whole: its deletion is called off", backup_id)
        if self._backups:
            # That took its time: a backup may have begun, of a standby that lags.
            catalog = self._read_catalog()
        obstacles = self._delete_wal(catalog, choice, now)
        deletion.finish()
        return self._report(catalog, choice, obstacles)

    def _forgotten(self, catalog: Catalog, now: datetime) -> tuple[str, ...]:
        return forgotten_markers(catalog, now) if self._chooser.goes_by_policy else ()

    def _read_catalog(self) -> Catalog:
        catalog = read_catalog(self._storage, trust=self._settings.trust)
        return Catalog(catalog.backups, owner=self._owner)

    def _choose(self, now: datetime) -> tuple[Catalog, Choice]:
        catalog = self._read_catalog()
        choice = self._chooser.choose(catalog, now)
        is_any_going = choice.backup_ids or _interrupted(catalog)
        if is_any_going and self._chooser.goes_by_policy:
            choice = self._with_ways(catalog, choice, now)
        return catalog, choice

    def _with_ways(self, catalog: Catalog, choice: Choice, now: datetime) -> Choice:
        """The choice without what may lead to the timeline of the running cluster."""
        timelines = timelines_of(self._storage)
        choice = choice.sparing(catalog, timelines.first_segments)
        history = timelines.without_wal
        if history is None or history.modified < now - NOT_CONTINUED:
            return choice
        file = stored_wal(history.key)
        if not choice.backup_ids or file is None:
            return choice
        return choice.awaiting(file.timeline)

    def _choose_again(
        self, first: Choice, deletion: BackupDeletion, now: datetime
    ) -> tuple[Catalog, Choice]:
        """Choose once more, now that others can see what this run is about to do.

        Raises:
            OperationFailed: with what others are about to do too little would remain.
        """
        catalog = self._read_catalog()
        choice = self._chooser.choose_again(first, catalog, now)
        for backup_id in set(first.backup_ids) - set(choice.backup_ids):
            deletion.unmark_own(backup_id)
            _log.info("backup %s stays: it has changed meanwhile", backup_id)
        return catalog, choice

    def _delete(
        self, deletion: BackupDeletion, backup_id: str, reason: DeletionReason
    ) -> None:
        objects, size = deletion.delete(backup_id)
        self._backups.append(DeletedBackup(backup_id, reason, objects, size))

    def _delete_wal(
        self, catalog: Catalog, choice: Choice, now: datetime
    ) -> tuple[str, ...]:
        if not self._backups:
            return ()  # WAL goes when a backup goes, and never by itself
        remaining = _without(catalog, choice.backup_ids)
        cleanup = plan_cleanup(remaining, choice.verdicts, now=now)
        conflict = ClusterConflict.among(remaining, self._owner)
        if conflict is not None:
            # What is foreign says nothing about which WAL of the archive is needed.
            cleanup = replace(cleanup, obstacles=(*cleanup.obstacles, conflict.message))
        for obstacle in cleanup.obstacles:
            _log.warning("no WAL is deleted: %s", obstacle)
        for batch in unneeded_wal(
            self._storage,
            cleanup,
            stored_before=now,
            at_a_time=self._settings.batch_size,
        ):
            if not self._settings.is_dry_run:
                self._storage.delete_objects(each.key for each in batch)
            for each in batch:
                self._wal.add(each)
        return cleanup.obstacles

    def _pretend(
        self, catalog: Catalog, choice: Choice, resumed: Sequence[str]
    ) -> DeletionReport:
        """Return what would be deleted."""
        reasons = dict.fromkeys(choice.backup_ids, self._chooser.reason)
        reasons |= dict.fromkeys(resumed, DeletionReason.INTERRUPTED)
        for backup_id, reason in reasons.items():
            found = objects_to_delete(self._storage, backup_id)
            size = sum(each.size for each in found)
            self._backups.append(DeletedBackup(backup_id, reason, len(found), size))
        obstacles = self._delete_wal(catalog, choice, datetime.now(UTC))
        return self._report(catalog, choice, obstacles)

    def _report(
        self, catalog: Catalog, choice: Choice, obstacles: tuple[str, ...] = ()
    ) -> DeletionReport:
        return DeletionReport(
            is_dry_run=self._settings.is_dry_run,
            backups=tuple(self._backups),
            wal=self._wal.totals,
            obstacles=obstacles,
            remaining=Catalog(_without(catalog, choice.backup_ids)),
            verdicts=choice.verdicts,
        )


def _interrupted(catalog: Catalog) -> list[str]:
    return [
        each.backup_id for each in catalog.backups if each.state is BackupState.DELETING
    ]


def _without(catalog: Catalog, backup_ids: Sequence[str]) -> list[Backup]:
    """The backups that remain."""
    going = {*backup_ids, *_interrupted(catalog)}
    return [each for each in catalog.backups if each.backup_id not in going]
