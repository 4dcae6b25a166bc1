"""Random clusters with random histories: whatever a run deletes, what stays restores.

A cluster writes WAL, is promoted, is recovered to an earlier place, and has backups
taken all the while. What each backup really needs is worked out from how the timelines
really branched, which the code under test does not know.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.backup import Backup, BackupState, KeepTarget
from cloudhoard.domain.catalog import Catalog
from cloudhoard.domain.deletion_choice import (
    Choice,
    Chooser,
    ObsoleteBackups,
    OneBackup,
)
from cloudhoard.domain.retention import (
    RecoveryWindow,
    Redundancy,
    Verdict,
    counted_backups,
)
from cloudhoard.domain.wal_cleanup import plan_cleanup
from cloudhoard.domain.wal_file import WalFile
from cloudhoard.errors import OperationFailed
from tests.support.catalogs import NOW, complete, failed, running, segment, unreadable

OLDEST: Final = 40
"""Days before NOW at which a cluster begins; each step takes one."""

Segment = tuple[int, int]
"""Timeline and number."""


@dataclass
class Cluster:
    """A cluster's past: its timelines, its WAL and its backups."""

    timeline: int = 1
    number: int = 1
    newest_timeline: int = 1
    parents: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Timeline: parent, and number of the segment in which it branched off."""
    wal: set[Segment] = field(default_factory=lambda: {(1, 1)})
    backups: list[Backup] = field(default_factory=list)

    def write(self, segments: int) -> None:
        for _ in range(segments):
            self.number += 1
            self.wal.add((self.timeline, self.number))

    def branch(self, back: int) -> None:
        """Be promoted, after a recovery to so many segments back."""
        parent, at = self.timeline, max(self.number - back, 1)
        while parent in self.parents and at < self.parents[parent][1]:
            parent = self.parents[parent][0]
        self.newest_timeline += 1
        self.parents[self.newest_timeline] = (parent, at)
        self.timeline, self.number = self.newest_timeline, at
        self.wal.add((self.timeline, at))

    def back_up(self, kind: str, days: float, keep: KeepTarget | None) -> None:
        begin = self.number
        if kind == "complete":
            self.write(1)
            made = complete(
                days, begin, timeline=self.timeline, end=self.number, keep=keep
            )
        elif kind == "running":
            made = running(days, begin, timeline=self.timeline)
        else:
            made = {"failed": failed(days, begin), "unreadable": unreadable(days)}[kind]
        self.backups.append(made)

    @property
    def first_segments(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for timeline, number in sorted(self.wal):
            found.setdefault(timeline, segment(number, timeline))
        return found

    def line_of(self, timeline: int) -> dict[int, int | None]:
        """The timelines that lead to timeline, and the segment each ends in."""
        line: dict[int, int | None] = {timeline: None}
        while timeline in self.parents:
            timeline, end = self.parents[timeline]
            line[timeline] = end
        return line

    def replayed_from(self, start: Segment, target: int) -> set[Segment]:
        """What a recovery from start along the history of timeline target reads."""
        line = self.line_of(target)
        if start[0] not in line:
            return set()
        end = line[start[0]]
        if end is not None and start[1] > end:
            return set()
        return {
            (timeline, number)
            for timeline, number in self.wal
            if timeline in line
            and timeline >= start[0]
            and number >= start[1]
            # The segment of a switch is read from the later timeline.
            and ((end := line[timeline]) is None or number < end)
        }

    def needed_by(self, backup: Backup, *, standalone: bool) -> set[Segment]:
        """Everything that any recovery from backup could read."""
        if backup.started is not None:
            start = parts(backup.started.first_wal)
        else:
            assert backup.info is not None
            assert backup.info.begin_wal is not None
            assert backup.info.end_wal is not None
            start = parts(backup.info.begin_wal)
            if standalone:
                last = parts(backup.info.end_wal)[1]
                return {s for s in self.wal if s[0] == start[0] and s[1] <= last} & {
                    s for s in self.wal if s[1] >= start[1]
                }
        found: set[Segment] = set()
        for target in range(1, self.newest_timeline + 1):
            found |= self.replayed_from(start, target)
        return found


def parts(name: str) -> Segment:
    return int(name[:8], 16), int(name[8:16], 16) * 256 + int(name[16:], 16)


KEEPS: Final = st.sampled_from([None, None, None, *KeepTarget])
STEPS: Final = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 20)),
    st.tuples(st.just("branch"), st.one_of(st.just(0), st.integers(0, 60))),
    st.tuples(st.just("complete"), KEEPS),
    st.tuples(st.just("complete"), KEEPS),
    st.tuples(st.sampled_from(["failed", "running", "unreadable"]), st.none()),
)
POLICIES: Final = st.one_of(
    st.integers(0, 5).map(Redundancy),
    st.integers(0, OLDEST).map(lambda days: RecoveryWindow(timedelta(days=days))),
)


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    cluster = Cluster()
    for day, (step, value) in enumerate(draw(st.lists(STEPS, max_size=OLDEST - 1))):
        match value:
            case int() if step == "write":
                cluster.write(value)
            case int():
                cluster.branch(value)
            case _:
                cluster.back_up(step, OLDEST - day, value)
    return cluster


def remaining_after(cluster: Cluster, choice: Choice) -> list[Backup]:
    return [b for b in cluster.backups if b.backup_id not in choice.backup_ids]


def left(
    cluster: Cluster, remaining: list[Backup], verdicts: Mapping[str, Verdict]
) -> set[Segment]:
    """The WAL that is there after the cleanup."""
    cleanup = plan_cleanup(remaining, verdicts, now=NOW)
    return {
        (timeline, number)
        for timeline, number in cluster.wal
        if cleanup.is_needed(WalFile.parse(segment(number, timeline)))
    }


def check_what_remains(cluster: Cluster, choice: Choice) -> None:
    remaining = remaining_after(cluster, choice)
    wal = left(cluster, remaining, choice.verdicts)
    for backup in remaining:
        verdict = choice.verdicts.get(backup.backup_id)
        alive = backup.started is not None and backup.last_stored is not None
        if alive and backup.last_stored and backup.last_stored < NOW - timedelta(7):
            continue
        if backup.is_complete or alive:
            standalone = verdict is Verdict.KEPT_STANDALONE
            needed = cluster.needed_by(backup, standalone=standalone)
            assert needed <= wal, f"{backup.backup_id} ({verdict})"


@given(clusters(), POLICIES, st.integers(0, 4))
def test_what_a_policy_leaves_can_be_restored(
    cluster: Cluster, policy: Redundancy | RecoveryWindow, minimum: int
) -> None:
    catalog = Catalog(cluster.backups)
    choice = ObsoleteBackups(policy, minimum).choose(catalog, NOW)
    choice = choice.sparing(catalog, cluster.first_segments)

    going = [b for b in cluster.backups if b.backup_id in choice.backup_ids]
    assert all(b.state is BackupState.DONE and b.keep is None for b in going)
    stays = Catalog(remaining_after(cluster, choice))
    enough = min(max(minimum, 1), len(counted_backups(catalog, NOW)))
    assert len(counted_backups(stays, NOW)) >= enough
    check_what_remains(cluster, choice)


@given(clusters(), st.integers(0, 4), st.data())
def test_what_remains_after_one_backup_was_deleted_can_be_restored(
    cluster: Cluster, minimum: int, data: st.DataObject
) -> None:
    catalog = Catalog(cluster.backups)
    ids = [each.backup_id for each in cluster.backups]
    chosen = data.draw(st.sampled_from(ids) if ids else st.just("20200101T000000"))
    try:
        choice = OneBackup(chosen, minimum).choose(catalog, NOW)
    except OperationFailed:
        return

    stays = Catalog(remaining_after(cluster, choice))
    if len(counted_backups(stays, NOW)) < len(counted_backups(catalog, NOW)):
        assert len(counted_backups(stays, NOW)) >= minimum
    assert all(b.keep is None for b in cluster.backups if b not in stays.backups)
    check_what_remains(cluster, choice)


@given(clusters(), POLICIES)
def test_the_running_cluster_can_be_recovered_after_if_it_could_before(
    cluster: Cluster, policy: Redundancy | RecoveryWindow
) -> None:
    """The newest timeline's newest segment is reached from some backup that stays."""
    catalog = Catalog(cluster.backups)
    choice = ObsoleteBackups(policy).choose(catalog, NOW)
    choice = choice.sparing(catalog, cluster.first_segments)

    before = [each for each in catalog.complete if leads_to_the_end(cluster, each)]
    after = [
        each
        for each in before
        if each.backup_id not in choice.backup_ids
        and choice.verdicts[each.backup_id] is not Verdict.KEPT_STANDALONE
    ]
    assert after or not before


def leads_to_the_end(cluster: Cluster, backup: Backup) -> bool:
    assert backup.info is not None
    assert backup.info.end_wal is not None
    timeline, last = parts(backup.info.end_wal)
    line = cluster.line_of(cluster.newest_timeline)
    if timeline not in line:
        return False
    end = line[timeline]
    return end is None or last < end


@st.composite
def recovered_once(draw: st.DrawFn) -> Cluster:
    """Promoted any number of times, and once recovered to an earlier place."""
    cluster = Cluster()
    before = draw(st.lists(st.sampled_from("wbbp"), min_size=2, max_size=20))
    after = draw(st.lists(st.sampled_from("wbp"), max_size=8))
    steps = [*before, "r", *after, "b"]
    for day, step in zip(range(OLDEST, 0, -1), steps, strict=False):
        if step == "r":
            cluster.branch(draw(st.integers(0, cluster.number)))
        elif step == "b":
            cluster.back_up("complete", day, None)
        else:
            cluster.write(draw(st.integers(1, 3)))
            if step == "p":
                cluster.branch(0)
    return cluster


@given(recovered_once(), st.integers(10, OLDEST))
def test_a_window_keeps_a_way_to_the_beginning_of_the_newest_timeline(
    cluster: Cluster, window: int
) -> None:
    length = timedelta(days=window)
    catalog = Catalog(cluster.backups)
    choice = ObsoleteBackups(RecoveryWindow(length)).choose(catalog, NOW)
    choice = choice.sparing(catalog, cluster.first_segments)

    newest = cluster.newest_timeline
    own = [b for b in catalog.complete if b.info and b.info.timeline == newest]
    if not own or own[0].stopped_at is None or NOW - own[0].stopped_at > length:
        return
    before = [
        each
        for each in catalog.complete
        if each not in own and leads_to_the_end(cluster, each)
    ]
    assert not before or any(b.backup_id not in choice.backup_ids for b in before)


def gone_after_both(
    catalog: Catalog, first: Chooser, second: Chooser, *, at_once: bool
) -> set[str]:
    """What two runs delete that overlap: each marks, looks again, and deletes.

    at_once: both have marked before either looks again; else the first looks before
    the second marks, and deletes after that.
    """
    choices = []
    for chooser in (first, second):
        try:
            choices.append(chooser.choose(catalog, NOW))
        except OperationFailed:
            choices.append(Choice())
    own = {*choices[0].backup_ids}
    both = {*own, *choices[1].backup_ids}
    gone: set[str] = set()
    with suppress(OperationFailed):
        seen = marked(catalog, both if at_once else own)
        gone |= {*first.choose_again(choices[0], seen, NOW).backup_ids}
    with suppress(OperationFailed):
        seen = marked(catalog, both)
        gone |= {*second.choose_again(choices[1], seen, NOW).backup_ids}
    return gone


def marked(catalog: Catalog, backup_ids: set[str]) -> Catalog:
    return Catalog(
        replace(each, deletion_begun=NOW) if each.backup_id in backup_ids else each
        for each in catalog.backups
    )


@given(clusters(), POLICIES, st.integers(1, 3), st.booleans(), st.data())
def test_two_runs_that_overlap_leave_what_both_promise(
    cluster: Cluster,
    policy: Redundancy | RecoveryWindow,
    minimum: int,
    at_once: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    catalog = Catalog(cluster.backups)
    ids = [each.backup_id for each in cluster.backups]
    names = st.sampled_from([*ids, "20200101T000000"])
    choosers = st.one_of(
        POLICIES.map(lambda other: ObsoleteBackups(other, minimum)),
        names.map(lambda name: OneBackup(name, minimum)),
    )
    one: Chooser = ObsoleteBackups(policy, minimum)
    runs = data.draw(st.permutations([one, data.draw(choosers)]))

    gone = gone_after_both(catalog, *runs, at_once=at_once)

    stays = Catalog(b for b in catalog.backups if b.backup_id not in gone)
    enough = min(minimum, len(counted_backups(catalog, NOW)))
    assert len(counted_backups(stays, NOW)) >= enough


@given(clusters(), st.integers(1, 3), st.booleans(), st.data())
def test_two_operators_that_overlap_leave_what_both_promise(
    cluster: Cluster,
    minimum: int,
    at_once: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    catalog = Catalog(cluster.backups)
    ids = [each.backup_id for each in cluster.backups]
    names = st.sampled_from([*ids, "20200101T000000"])
    runs = [OneBackup(data.draw(names), minimum) for _ in range(2)]

    gone = gone_after_both(catalog, runs[0], runs[1], at_once=at_once)

    stays = Catalog(b for b in catalog.backups if b.backup_id not in gone)
    enough = min(minimum, len(counted_backups(catalog, NOW)))
    assert len(counted_backups(stays, NOW)) >= enough
