"""Which backups a retention policy still asks for, and which are obsolete.

Only complete backups are judged, by stop time. What failed, runs or cannot be read is
no redundancy for anything and never obsolete, nor is what a wrong clock has dated into
the future, or what only Barman can bring back: disk snapshots.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cloudhoard.domain.archive_layout import is_id_from_the_future
from cloudhoard.domain.backup import Backup, BackupState, KeepTarget
from cloudhoard.domain.catalog import Catalog
from cloudhoard.domain.wal_file import split_segment_name
from cloudhoard.errors import UsageError

CLOCK_TOLERANCE: Final = timedelta(minutes=15)
"""By how much two clocks may differ before what they say is not to be relied on."""

_REDUNDANCY: Final = re.compile(r"\s*redundancy\s+([0-9]{1,9})\s*", re.IGNORECASE)
_WINDOW: Final = re.compile(
    r"\s*recovery\s+window\s+of\s+([0-9]{1,5})\s+(day|week|month)s?\s*", re.IGNORECASE
)
_DAYS: Final = {"day": 1, "week": 7, "month": 31}


@dataclass(frozen=True, slots=True)
class Redundancy:
    """So many of the newest backups are asked for."""

    count: int


@dataclass(frozen=True, slots=True)
class RecoveryWindow:
    """Every moment back to so long ago is to be recoverable."""

    length: timedelta


RetentionPolicy = Redundancy | RecoveryWindow


def parse_policy(text: str) -> RetentionPolicy:
    """Read ``REDUNDANCY n`` or ``RECOVERY WINDOW OF n DAYS|WEEKS|MONTHS``.

    In either case, and the unit's ``S`` may be missing; a month has 31 days.

    Raises:
        UsageError: it is neither.
    """
    if match := _REDUNDANCY.fullmatch(text):
        return Redundancy(int(match[1]))
    if match := _WINDOW.fullmatch(text):
        days = int(match[1]) * _DAYS[match[2].lower()]
        return RecoveryWindow(timedelta(days=days))
    raise UsageError(
        f"{text!r} is not a retention policy",
        hint="write REDUNDANCY 3, or RECOVERY WINDOW OF 4 WEEKS (or DAYS, or MONTHS)",
    )


class Verdict(StrEnum):
    """What a policy says of one backup."""

    VALID = "valid"
    """Asked for, and with it all WAL from it on."""
    KEPT_FULL = "kept full"
    """Not asked for, but kept, and with it all WAL from it on."""
    KEPT_STANDALONE = "kept standalone"
    """Not asked for, but kept, and with it the WAL that makes it consistent."""
    OBSOLETE = "obsolete"
    NOT_JUDGED = "not judged"


_GOING: Final = {Verdict.OBSOLETE, Verdict.KEPT_STANDALONE}
"""What stays, if at all, without the WAL behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionTerms:
    """What decides about a backup, besides the backup."""

    policy: RetentionPolicy
    minimum_redundancy: int = 0
    now: datetime
    """Aware."""

    @property
    def least(self) -> int:
        """How many backups stay whatever the policy says: never none."""
        return max(self.minimum_redundancy, 1)


def judge(catalog: Catalog, terms: RetentionTerms) -> dict[str, Verdict]:
    """Return what the policy says of each backup, by backup id."""
    verdicts = {each.backup_id: Verdict.NOT_JUDGED for each in catalog.backups}
    counted = counted_backups(catalog, terms.now)
    valid = _number_of_valid(counted, terms)
    for position, backup in enumerate(reversed(counted)):
        is_valid = position < valid
        verdicts[backup.backup_id] = (
            Verdict.VALID if is_valid else _kept_or_obsolete(backup)
        )
    _judge_families(catalog, verdicts)
    return verdicts


def counted_backups(catalog: Catalog, now: datetime) -> tuple[Backup, ...]:
    """The complete backups that count for a policy, by stop time."""
    return tuple(
        backup
        for backup in catalog.complete
        if not is_from_the_future(backup, now) and not has_snapshots(backup)
    )


def is_from_the_future(backup: Backup, now: datetime) -> bool:
    """Whether only a wrong clock can have made the backup."""
    stopped_at = backup.stopped_at
    return is_id_from_the_future(backup.backup_id, now) or (
        stopped_at is not None and stopped_at > now + CLOCK_TOLERANCE
    )


def has_snapshots(backup: Backup) -> bool:
    """Whether its files are in snapshots of disks, which we cannot delete."""
    return backup.info is not None and backup.info.snapshots_info is not None


def children_of(catalog: Catalog, backup_id: str) -> Iterator[Backup]:
    """The backups that build on backup_id, straight or by way of others."""
    for each in catalog.backups:
        if _parent(each) == backup_id and each.backup_id != backup_id:
            yield each
            yield from children_of(_without(catalog, backup_id), each.backup_id)


def spare_ways(
    catalog: Catalog,
    verdicts: dict[str, Verdict],
    first_segments: Mapping[int, str],
    terms: RetentionTerms,
) -> tuple[str, ...]:
    """Keep a way to the newest timeline, and return the backups spared for it.

    After a recovery to an earlier moment the newest backups may lie on a branch that
    has ended, and the only one that leads to the running cluster may be obsolete.
    A backup of the newest timeline itself leads there. As long as none stays, names
    do not tell for sure which of the others does, and all that may are spared.

    A recovery window may have moments on the newest timeline before its first backup.
    While it has, and a backup that the policy asks for shows that a branch was left,
    all that may lead to the beginning of that timeline are spared as well. A failover
    leaves no branch: however many there are, none makes a backup stay.

    Args:
        catalog: the backups.
        verdicts: what the policy says; changed in place.
        first_segments: the name of each timeline's first segment in the archive.
        terms: what the policy has said it by.
    """
    if not first_segments:
        return ()
    backups = [each for each in catalog.complete if not has_snapshots(each)]
    newest = max(first_segments)
    there = [each for each in backups if _timeline_of(each) >= newest]
    if any(verdicts[each.backup_id] not in _GOING for each in there):
        asked_for = [e for e in backups if verdicts[e.backup_id] is Verdict.VALID]
        if not (
            _is_in_window(there[0], terms) and _has_left(asked_for, first_segments)
        ):
            return ()
        earlier = [each for each in backups if each not in there]
        ways = _possible_ways(earlier, first_segments)
    else:
        ways = iter(there[-1:]) if there else _possible_ways(backups, first_segments)
    spared = {way.backup_id for way in ways if verdicts[way.backup_id] in _GOING}
    verdicts.update(dict.fromkeys(spared, Verdict.VALID))
    return tuple(sorted(spared))


def _number_of_valid(counted: tuple[Backup, ...], terms: RetentionTerms) -> int:
    return max(_asked_for(counted, terms), terms.least)


def _asked_for(counted: tuple[Backup, ...], terms: RetentionTerms) -> int:
    match terms.policy:
        case Redundancy(count):
            return count
        case RecoveryWindow(length):
            inside = sum(_is_within(each, length, terms.now) for each in counted)
            # One more, from which the beginning of the window is recovered.
            return inside + 1


def _is_within(backup: Backup, length: timedelta, now: datetime) -> bool:
    # By age: so long ago there may have been no year yet that a date can have.
    return backup.stopped_at is not None and now - backup.stopped_at <= length


def _is_in_window(backup: Backup, terms: RetentionTerms) -> bool:
    """Whether there is a recovery window, and the backup stopped inside."""
    policy = terms.policy
    return isinstance(policy, RecoveryWindow) and _is_within(
        backup, policy.length, terms.now
    )


def _has_left(backups: Iterable[Backup], first_segments: Mapping[int, str]) -> bool:
    """Whether one ended where, or behind where, a later timeline begins."""
    return any(
        later > _timeline_of(backup)
        and split_segment_name(first)[1] <= split_segment_name(info.end_wal)[1]
        for backup in backups
        if (info := backup.info) is not None and info.end_wal is not None
        for later, first in first_segments.items()
    )


def _kept_or_obsolete(backup: Backup) -> Verdict:
    match backup.keep:
        case None:
            return Verdict.OBSOLETE
        case KeepTarget.STANDALONE:
            return Verdict.KEPT_STANDALONE
        case KeepTarget.FULL:
            return Verdict.KEPT_FULL


def _judge_families(catalog: Catalog, verdicts: dict[str, Verdict]) -> None:
    """Have incremental backups share the lot of what they build on."""
    for root in catalog.complete:
        family = list(children_of(catalog, root.backup_id))
        if not family:
            continue
        if verdicts[root.backup_id] is Verdict.OBSOLETE and any(
            each.keep is not None or each.state is BackupState.UNFINISHED
            for each in family
        ):
            verdicts[root.backup_id] = Verdict.KEPT_FULL
        verdict = verdicts[root.backup_id]
        if verdict is Verdict.KEPT_STANDALONE:
            verdict = verdicts[root.backup_id] = Verdict.KEPT_FULL
        for each in family:
            if each.is_complete:
                verdicts[each.backup_id] = verdict


def _parent(backup: Backup) -> str | None:
    return backup.info.parent_backup_id if backup.info is not None else None


def _without(catalog: Catalog, backup_id: str) -> Catalog:
    others = (each for each in catalog.backups if each.backup_id != backup_id)
    return Catalog(others, owner=catalog.owner)


def _timeline_of(backup: Backup) -> int:
    """The timeline that a backup ended on, which may be later than its own."""
    info = backup.info
    if info is None:
        return 0
    if info.end_wal is not None:
        return int(split_segment_name(info.end_wal)[0], 16)
    return info.timeline or 0


def _possible_ways(
    backups: Sequence[Backup], first_segments: Mapping[int, str]
) -> Iterator[Backup]:
    """The newest backups before each place where their timeline may have been left.

    Any later timeline may have branched off, in the segment that is its first. What
    ended in that very segment is taken only if nothing ended before.
    """
    for timeline in {_timeline_of(each) for each in backups}:
        ends = [
            (split_segment_name(info.end_wal)[1], backup)
            for backup in backups
            if (info := backup.info) is not None
            and info.end_wal is not None
            and _timeline_of(backup) == timeline
        ]
        for later, first in first_segments.items():
            _, start = split_segment_name(first)
            before = [backup for end, backup in ends if end < start]
            within = [backup for end, backup in ends if end == start]
            if later > timeline:
                yield from (before or within)[-1:]
