from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudhoard.domain.backup import Backup, KeepTarget
from cloudhoard.domain.backup_info import BackupStatus
from cloudhoard.domain.catalog import Catalog
from cloudhoard.domain.retention import (
    RecoveryWindow,
    Redundancy,
    RetentionPolicy,
    RetentionTerms,
    Verdict,
    judge,
    parse_policy,
    spare_ways,
)
from cloudhoard.errors import UsageError
from tests.support.catalogs import (
    NOW,
    complete,
    failed,
    id_at,
    running,
    segment,
    unreadable,
)

VALID = Verdict.VALID
OBSOLETE = Verdict.OBSOLETE
FULL = Verdict.KEPT_FULL
STANDALONE = Verdict.KEPT_STANDALONE
NOT_JUDGED = Verdict.NOT_JUDGED


def days(number: int) -> RecoveryWindow:
    return RecoveryWindow(timedelta(days=number))


def verdicts(
    backups: Sequence[Backup], policy: RetentionPolicy, minimum: int = 0
) -> list[Verdict]:
    """What is said of each backup, in the order in which they are given."""
    terms = RetentionTerms(policy=policy, minimum_redundancy=minimum, now=NOW)
    found = judge(Catalog(backups), terms)
    assert found.keys() == {each.backup_id for each in backups}
    return [found[each.backup_id] for each in backups]


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("REDUNDANCY 2", Redundancy(2)),
        ("  redundancy   10 ", Redundancy(10)),
        ("REDUNDANCY 0", Redundancy(0)),
        ("RECOVERY WINDOW OF 7 DAYS", days(7)),
        ("recovery window of 1 day", days(1)),
        ("RECOVERY WINDOW OF 2 WEEKS", days(14)),
        ("Recovery  Window  Of  3  Months", days(93)),
        ("RECOVERY WINDOW OF 0 DAYS", days(0)),
        ("RECOVERY WINDOW OF 99999 MONTHS", days(99999 * 31)),
    ],
)
def test_policies_are_written_as_barman_has_them(
    text: str, policy: RetentionPolicy
) -> None:
    assert parse_policy(text) == policy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "REDUNDANCY",
        "REDUNDANCY -1",
        "REDUNDANCY two",
        "REDUNDANCY 2 DAYS",
        "REDUNDANCY 9999999999",
        "RECOVERY WINDOW OF 1 YEAR",
        "RECOVERY WINDOW OF 1.5 DAYS",
        "RECOVERY WINDOW 7 DAYS",
        "RECOVERY WINDOW OF 100000 DAYS",
        "REDUNDANCY ٣",
        "main",
    ],
)
def test_other_text_is_no_policy(text: str) -> None:
    with pytest.raises(UsageError, match="not a retention policy"):
        parse_policy(text)


@pytest.mark.parametrize(
    ("policy", "minimum", "expected"),
    [
        (Redundancy(1), 0, [OBSOLETE, OBSOLETE, VALID]),
        (Redundancy(2), 0, [OBSOLETE, VALID, VALID]),
        (Redundancy(9), 0, [VALID, VALID, VALID]),
        (Redundancy(1), 2, [OBSOLETE, VALID, VALID]),
        (Redundancy(0), 0, [OBSOLETE, OBSOLETE, VALID]),
        (days(0), 0, [OBSOLETE, OBSOLETE, VALID]),
        # What is inside, and one before it: the window's beginning needs that.
        (days(1), 0, [OBSOLETE, OBSOLETE, VALID]),
        (days(3), 0, [OBSOLETE, VALID, VALID]),
        (days(14), 0, [VALID, VALID, VALID]),
        (days(30), 0, [VALID, VALID, VALID]),
        (days(0), 2, [OBSOLETE, VALID, VALID]),
        (days(0), 9, [VALID, VALID, VALID]),
    ],
)
def test_three_backups(
    policy: RetentionPolicy, minimum: int, expected: list[Verdict]
) -> None:
    backups = [complete(20), complete(10), complete(2)]

    assert verdicts(backups, policy, minimum) == expected


def test_a_backup_that_ended_as_the_window_begins_is_in_it() -> None:
    backups = [complete(9), complete(7), complete(1)]

    assert verdicts(backups, days(7)) == [VALID, VALID, VALID]


def test_only_complete_backups_count() -> None:
    backups = [
        complete(9),
        complete(8),
        failed(3),
        running(2),
        unreadable(1),
        complete(0.5, status=BackupStatus.STARTED, end_time=None),
    ]

    expected = [OBSOLETE, VALID, *[NOT_JUDGED] * 4]
    assert verdicts(backups, Redundancy(1)) == expected
    assert verdicts(backups, days(2)) == expected


def test_backups_are_ordered_by_stop_time_not_by_id() -> None:
    slow = complete(5)
    slow = replace(slow, backup_id=id_at(NOW - timedelta(days=11)))
    quick = complete(10)

    assert verdicts([slow, quick], Redundancy(1)) == [VALID, OBSOLETE]


def test_kept_backups_take_a_place_and_stay_behind_it() -> None:
    full, standalone = KeepTarget.FULL, KeepTarget.STANDALONE
    backups = [
        complete(20, keep=full),
        complete(15, keep=standalone),
        complete(10),
        complete(5, keep=standalone),
        complete(1),
    ]

    expected = [FULL, STANDALONE, OBSOLETE, VALID, VALID]
    assert verdicts(backups, Redundancy(2)) == expected


def test_what_is_dated_into_the_future_neither_counts_nor_goes() -> None:
    wrong_id = replace(complete(1), backup_id="20300101T000000")
    wrong_time = complete(2, end_time=NOW + timedelta(hours=1))
    backups = [complete(9), complete(8), wrong_time, wrong_id]

    expected = [OBSOLETE, VALID, NOT_JUDGED, NOT_JUDGED]
    assert verdicts(backups, Redundancy(1)) == expected
    assert verdicts(backups, days(1)) == expected


def test_snapshots_of_disks_are_not_ours_to_judge() -> None:
    snapshots = complete(1, snapshots_info={"provider": "aws"})

    assert verdicts([complete(3), snapshots], Redundancy(1)) == [VALID, NOT_JUDGED]


def test_incremental_backups_go_with_what_they_build_on() -> None:
    root, other = complete(9), complete(5)
    child = complete(8, parent_backup_id=root.backup_id)
    grandchild = complete(7, parent_backup_id=child.backup_id)
    orphan = complete(6, parent_backup_id="20200101T000000")
    family = [root, child, grandchild]

    backups = [*family, orphan, other]
    expected = [OBSOLETE] * 3 + [NOT_JUDGED, VALID]
    assert verdicts(backups, Redundancy(1)) == expected
    expected = [VALID] * 3 + [NOT_JUDGED, VALID]
    assert verdicts(backups, Redundancy(2)) == expected


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_family_stays_when_one_of_it_is_kept(which: int) -> None:
    root = complete(9)
    child = complete(8, parent_backup_id=root.backup_id)
    grandchild = complete(7, parent_backup_id=child.backup_id)
    family = [root, child, grandchild]
    family[which] = replace(family[which], keep=KeepTarget.STANDALONE)

    expected = [FULL, FULL, FULL, VALID]
    assert verdicts([*family, complete(1)], Redundancy(1)) == expected


def test_a_family_stays_while_one_of_it_is_being_taken() -> None:
    root = complete(9)
    child = complete(
        0.1, parent_backup_id=root.backup_id, status=BackupStatus.STARTED, end_time=None
    )

    found = verdicts([root, child, complete(1)], Redundancy(1))
    assert found == [FULL, NOT_JUDGED, VALID]


def test_backups_that_build_on_each_other_are_an_end() -> None:
    one, two = complete(9), complete(8)
    one = complete(9, parent_backup_id=two.backup_id)
    two = complete(8, parent_backup_id=one.backup_id)

    assert verdicts([one, two], Redundancy(1)) == [NOT_JUDGED, NOT_JUDGED]


def spared(
    backups: Sequence[Backup],
    policy: RetentionPolicy = Redundancy(1),  # noqa: B008 - a frozen value
    **first: int,
) -> str | None:
    """The ids that are spared; first has each timeline's first segment, as t2=50."""
    catalog = Catalog(backups)
    terms = RetentionTerms(policy=policy, now=NOW)
    starts = {int(name[1:]): number for name, number in first.items()}
    firsts = {tli: segment(number, tli) for tli, number in starts.items()}
    return " ".join(spare_ways(catalog, judge(catalog, terms), firsts, terms)) or None


def test_the_only_way_to_the_newest_timeline_stays() -> None:
    """Recovered to a moment before the newest backup: its branch has ended."""
    old, older, abandoned = complete(5, 10), complete(6, 5), complete(1, 100)

    assert spared([older, old, abandoned], t1=1, t2=50) == old.backup_id
    # A kept one is a way, too, but not if the WAL behind it goes.
    standalone = replace(old, keep=KeepTarget.STANDALONE)
    assert spared([older, standalone, abandoned], t1=1, t2=50) == old.backup_id
    full = replace(old, keep=KeepTarget.FULL)
    assert spared([older, full, abandoned], t1=1, t2=50) is None


def test_a_backup_that_ends_in_the_segment_of_a_switch_may_be_behind_it() -> None:
    old, at_the_switch = complete(5, 10), complete(1, 50)

    assert spared([old, at_the_switch], t1=1, t2=50) == old.backup_id
    # On the way to the newest there may be another switch.
    assert spared([old, at_the_switch], t1=1, t2=50, t3=60) == old.backup_id


def test_nothing_is_spared_where_a_way_stays_anyway() -> None:
    old, new = complete(5, 10), complete(1, 100)

    assert spared([old, new], t1=1) is None, "on that timeline"
    assert spared([old, new], t1=1, t2=101) is None, "promoted behind it"
    assert spared([old, complete(1, 60, timeline=2)], t1=1, t2=50) is None
    assert spared([complete(1, 100)], t1=1, t2=50) is None, "there is no way"
    assert spared([old, new]) is None, "there is no WAL"


def test_a_window_may_reach_back_to_before_the_first_year() -> None:
    policy = parse_policy("RECOVERY WINDOW OF 99999 MONTHS")

    assert verdicts([complete(9), complete(1)], policy) == [VALID, VALID]


def test_a_backup_that_ends_where_the_newest_timeline_begins_may_be_the_way() -> None:
    """Recovered to the end of the backup: the switch is in its last segment."""
    way, abandoned = complete(5, 50), complete(1, 100)

    assert spared([way, abandoned], t1=1, t2=50) == way.backup_id


def test_a_branch_beside_the_line_is_no_way_for_sure() -> None:
    """Timeline 3 may have left timeline 1, while the newest backup is of timeline 2."""
    way, beside = complete(5, 45), complete(1, 55, timeline=2)

    assert spared([way, beside], t1=1, t2=50, t3=60) == way.backup_id
    assert spared([complete(5, 55), beside], t1=1, t2=50, t3=60) is not None
    own = complete(0.5, 60, timeline=3)
    assert spared([way, beside, own], t1=1, t2=50, t3=60) is None


def test_a_backup_that_a_promotion_overtook_is_of_the_timeline_it_ended_on() -> None:
    """Taken from a standby: it began on timeline 1 and ended on timeline 2."""
    overtaken = complete(5, 45, end_wal=segment(55, 2))
    newer = complete(1, 100)

    assert spared([overtaken, newer], t1=1, t2=50) == overtaken.backup_id
    assert spared([complete(6, 40), overtaken], t1=1, t2=50) is None


def test_what_leads_to_a_window_s_moments_before_the_first_backup_stays() -> None:
    """Recovered to before the window: what is newer than the way is of a dead end."""
    way, abandoned = complete(40, 10), complete(30, 100)
    own = complete(5, 60, timeline=2)
    backups = [complete(50, 5), way, abandoned, own]

    assert spared(backups, days(28), t1=1, t2=50) == way.backup_id
    assert spared(backups, days(4), t1=1, t2=50) is None, "no such moment is inside"
    assert spared(backups, Redundancy(2), t1=1, t2=50) is None, "there is no window"
    later = [*backups, complete(1, 70, timeline=2)]
    assert spared(later, days(28), t1=1, t2=50) == way.backup_id
    # A failover behind it changes nothing.
    failed_over = [*backups, complete(1, 90, timeline=3)]
    assert spared(failed_over, days(28), t1=1, t2=50, t3=80) == way.backup_id
    standalone = replace(way, keep=KeepTarget.STANDALONE)
    found = spared([standalone, abandoned, own], days(28), t1=1, t2=50)
    assert found == way.backup_id


def test_failovers_spare_nothing_however_many() -> None:
    backups = [complete(60 - 2 * n, 10 * n + 5, timeline=n) for n in range(1, 30)]
    starts = {f"t{n}": 10 * n for n in range(1, 30)}

    assert spared(backups, days(7), **starts) is None
    # Nor does a dead end that is kept, and that the policy does not ask for.
    kept = complete(57.5, 200, timeline=1, keep=KeepTarget.FULL)
    assert spared([*backups, kept], days(7), **starts) is None
