"""Which backups a run deletes: those that a policy calls obsolete, or one by name.

A choice is made twice: before anything is touched, and again once the markers of the
deletion are there for others to see. Of two runs at the same moment each then sees
what the other is about to take away, and leaves enough.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final, Protocol, Self

from cloudhoard.domain.archive_layout import is_backup_id
from cloudhoard.domain.backup import Backup, BackupState
from cloudhoard.domain.catalog import BackupNotFound, Catalog
from cloudhoard.domain.deleting_marker import MARKER_HOLDS
from cloudhoard.domain.deletion_report import DeletionReason
from cloudhoard.domain.foreign_backups import (
    check_one_cluster,
    is_foreign,
    is_of_another,
    system_of,
)
from cloudhoard.domain.retention import (
    Redundancy,
    RetentionPolicy,
    RetentionTerms,
    Verdict,
    children_of,
    counted_backups,
    has_snapshots,
    judge,
    spare_ways,
)
from cloudhoard.domain.wal_cleanup import is_alive
from cloudhoard.errors import OperationFailed

NOT_CONTINUED: Final = timedelta(days=7)
"""A timeline without WAL for so long is not of a cluster that runs."""

NOT_BEGUN: Final = 2 * MARKER_HOLDS
"""A marker beside a whole backup for so long is not of a deletion that still runs."""

SILENT_FOR: Final = timedelta(hours=24)
"""A backup has to have been silent for so long before it is deleted unfinished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The backups to delete."""

    backup_ids: tuple[str, ...] = ()
    """In the order of their deletion."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """Of all backups, where a policy has judged them."""
    terms: RetentionTerms | None = None
    """By which they were judged."""
    first_segments: Mapping[int, str] = field(default_factory=dict)
    """The name of each timeline's first segment in the archive."""
    notes: tuple[str, ...] = ()
    """What the operator should know about it."""

    def sparing(self, catalog: Catalog, first_segments: Mapping[int, str]) -> Self:
        """Return the choice without what alone leads to the newest timeline."""
        if self.terms is None:
            return self
        verdicts = dict(self.verdicts)
        spared = spare_ways(catalog, verdicts, first_segments, self.terms)
        notes = (
            f"backup {each} stays although it is obsolete: it may be the only way to"
            f" timeline {max(first_segments)}, or to its beginning"
            for each in spared
        )
        return replace(
            self,
            backup_ids=tuple(each for each in self.backup_ids if each not in spared),
            verdicts=verdicts,
            first_segments=first_segments,
            notes=(*self.notes, *notes),
        )

    def awaiting(self, timeline: int) -> Self:
        """Return the choice of nothing, until it shows where timeline begins.

        Then it can be told which backups lead there.
        """
        note = (
            f"timeline {timeline} has begun, and none of its WAL is in the archive yet:"
            " no backup is deleted"
        )
        return replace(self, backup_ids=(), notes=(*self.notes, note))


class Chooser(Protocol):
    """Chooses the backups that a run deletes."""

    reason: ClassVar[DeletionReason]
    goes_by_policy: ClassVar[bool]
    """Whether the answer depends on what time it is, and on which backups remain."""

    def choose(self, catalog: Catalog, now: datetime) -> Choice:
        """Return what should go.

        Raises:
            OperationFailed: it must not.
        """

    def choose_again(self, first: Choice, catalog: Catalog, now: datetime) -> Choice:
        """Return what of the first choice should go still.

        Args:
            first: what is marked by now.
            catalog: read after that.
            now: by the store's clock.

        Raises:
            OperationFailed: what others are about to delete changes the answer.
        """


@dataclass(frozen=True, slots=True)
class ObsoleteBackups:
    """The backups that a policy does not ask for any more."""

    policy: RetentionPolicy
    minimum_redundancy: int = 0

    reason: ClassVar = DeletionReason.OBSOLETE
    goes_by_policy: ClassVar = True

    def choose(self, catalog: Catalog, now: datetime) -> Choice:
        """Return every backup that is obsolete.

        Raises:
            OperationFailed: a backup is of another cluster.
        """
        check_one_cluster(catalog)
        terms = self._terms(now)
        verdicts = judge(catalog, terms)
        obsolete = (
            each
            for each in catalog.backups
            if verdicts[each.backup_id] is Verdict.OBSOLETE
        )
        return Choice(
            backup_ids=_in_order(obsolete),
            verdicts=verdicts,
            terms=terms,
            notes=_raised(terms),
        )

    def choose_again(self, first: Choice, catalog: Catalog, now: datetime) -> Choice:
        """Return what is obsolete still, even without what others take away."""
        left = _without_doomed(catalog, first, now)
        again = self.choose(left, now).sparing(left, first.first_segments)
        obsolete = tuple(each for each in first.backup_ids if each in again.backup_ids)
        return replace(again, backup_ids=obsolete)

    def _terms(self, now: datetime) -> RetentionTerms:
        return RetentionTerms(
            policy=self.policy, minimum_redundancy=self.minimum_redundancy, now=now
        )


@dataclass(frozen=True, slots=True)
class OneBackup:
    """The backup that the operator names."""

    text: str
    """An id, a name, latest or oldest."""
    minimum_redundancy: int = 0

    reason: ClassVar = DeletionReason.ASKED_FOR
    goes_by_policy: ClassVar = False

    def choose(self, catalog: Catalog, now: datetime) -> Choice:
        """Return the backup; none where no backup has that id.

        Raises:
            BackupNotFound: no backup has that name.
            OperationFailed: it is kept, or needed, or may be running; or another
                backup is of another cluster.
        """
        try:
            backup = catalog.resolve(self.text)
        except BackupNotFound as error:
            if not is_backup_id(self.text):
                raise
            # As after a deletion whose answer was lost: what was wanted is so.
            return Choice(notes=(error.message,))
        if backup.state is BackupState.DELETING:
            return Choice()  # as every interrupted deletion it is resumed
        self._check(backup, catalog, now)
        return Choice(backup_ids=(backup.backup_id,))

    def choose_again(self, first: Choice, catalog: Catalog, now: datetime) -> Choice:
        """Return the same, unless it may not go any more, or too few would remain."""
        left = _without_doomed(catalog, first, now)
        for backup in left.backups:
            is_whole = backup.state is not BackupState.DELETING
            if backup.backup_id in first.backup_ids and is_whole:
                self._check(backup, left, now)
        return first

    def _check(self, backup: Backup, catalog: Catalog, now: datetime) -> None:
        if not is_foreign(backup, catalog):
            check_one_cluster(catalog)
        _check_may_go(backup, catalog, now)
        if not is_of_another(backup, catalog.owner):
            self._check_redundancy(backup, catalog, now)

    def _check_redundancy(
        self, backup: Backup, catalog: Catalog, now: datetime
    ) -> None:
        counted = counted_backups(catalog, now)
        is_counted = backup in counted
        others = [
            each
            for each in counted
            if each.backup_id != backup.backup_id
            and not is_of_another(each, system_of(backup))
        ]
        if is_counted and len(others) < self.minimum_redundancy:
            raise OperationFailed(
                f"without backup {backup.backup_id} {len(others)} complete backups"
                " would be left, fewer than --minimum-redundancy"
                f" {self.minimum_redundancy}",
                hint="what another run is about to delete does not count",
            )


def _check_may_go(backup: Backup, catalog: Catalog, now: datetime) -> None:
    backup_id = backup.backup_id
    if backup.keep is not None:
        raise _kept(backup)
    if has_snapshots(backup):
        raise OperationFailed(
            f"the files of backup {backup_id} are in snapshots of disks",
            hint="barman-cloud-backup-delete deletes those with it",
        )
    children = [each.backup_id for each in children_of(catalog, backup_id)]
    if children:
        raise OperationFailed(
            f"other backups build on backup {backup_id}: {', '.join(children)}",
            hint="delete those first",
        )
    if backup.state is not BackupState.UNFINISHED:
        return
    if is_alive(backup, now, within=SILENT_FOR):
        raise OperationFailed(
            f"backup {backup_id} may still be running: it stored something less than"
            f" {SILENT_FOR // timedelta(hours=1)} hours ago",
            hint="end the backup, or wait",
        )


def _kept(backup: Backup) -> OperationFailed:
    return OperationFailed(
        f"backup {backup.backup_id} is kept ({backup.keep})",
        hint="cloudhoard-backup-keep --release lets it go",
    )


def forgotten_markers(
    catalog: Catalog, now: datetime, *, after: timedelta = NOT_BEGUN
) -> tuple[str, ...]:
    """The whole backups that were marked so long ago, which came to nothing."""
    return tuple(
        each.backup_id
        for each in catalog.backups
        if each.has_info
        and each.deletion_begun is not None
        and each.deletion_begun < now - after
    )


def _without_doomed(catalog: Catalog, first: Choice, now: datetime) -> Catalog:
    """The catalog as it will be when others have done what they are about to do."""
    left = (
        each
        for each in catalog.backups
        if each.backup_id in first.backup_ids
        or each.deletion_begun is None
        or each.deletion_begun < now - NOT_BEGUN
    )
    return Catalog(left, owner=catalog.owner)


def _in_order(backups: Iterable[Backup]) -> tuple[str, ...]:
    """Oldest first, but before each what builds on it."""
    going = sorted(backups, key=lambda backup: backup.backup_id)
    parts = [each.backup_id for each in going if each.is_incremental]
    whole = [each.backup_id for each in going if not each.is_incremental]
    return (*reversed(parts), *whole)


def _raised(terms: RetentionTerms) -> tuple[str, ...]:
    policy = terms.policy
    if not isinstance(policy, Redundancy) or policy.count >= terms.least:
        return ()
    return (f"REDUNDANCY {policy.count} is taken for {terms.least}",)
