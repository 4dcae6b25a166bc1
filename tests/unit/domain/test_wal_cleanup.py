from collections.abc import Mapping
from dataclasses import replace

import pytest

from cloudhoard.domain.backup import Backup
from cloudhoard.domain.backup_info import BackupInfo, BackupStatus
from cloudhoard.domain.retention import Verdict
from cloudhoard.domain.wal_cleanup import WalCleanup, plan_cleanup
from cloudhoard.domain.wal_file import WalFile
from tests.support.catalogs import (
    NOW,
    complete,
    failed,
    running,
    segment,
    unreadable,
)
from tests.support.made_up_backups import made_up_marker

NO_VERDICTS: Mapping[str, Verdict] = {}


def plan(*backups: Backup) -> WalCleanup:
    return plan_cleanup(backups, NO_VERDICTS, now=NOW)


def standalone(backup: Backup, *others: Backup) -> WalCleanup:
    verdicts = {backup.backup_id: Verdict.KEPT_STANDALONE}
    return plan_cleanup([backup, *others], verdicts, now=NOW)


def needed(cleanup: WalCleanup, number: int, timeline: int = 1, more: str = "") -> bool:
    return cleanup.is_needed(WalFile.parse(segment(number, timeline) + more))


def test_a_backup_needs_its_wal_from_its_first_segment_on() -> None:
    cleanup = plan(complete(1, 3))

    assert not needed(cleanup, 2)
    assert needed(cleanup, 3)
    assert needed(cleanup, 1000)
    assert cleanup.obstacles == ()


@pytest.mark.parametrize("more", ["", ".partial", ".00000028.backup"])
def test_whatever_is_of_a_segment_is_needed_as_the_segment_is(more: str) -> None:
    cleanup = plan(complete(1, 3))

    assert not needed(cleanup, 2, more=more)
    assert needed(cleanup, 3, more=more)


def test_histories_are_always_needed() -> None:
    cleanup = plan(complete(1, 3, timeline=5))

    assert all(
        cleanup.is_needed(WalFile.parse(f"{tli:08X}.history")) for tli in (2, 5, 6)
    )


def test_later_timelines_are_needed_from_the_same_place_on() -> None:
    cleanup = plan(complete(1, 300, timeline=2))

    assert not needed(cleanup, 299, 2)
    assert not needed(cleanup, 299, 3)
    assert needed(cleanup, 300, 3)
    assert needed(cleanup, 2000, 16)


def test_earlier_timelines_are_not_needed_unless_a_backup_is_on_them() -> None:
    assert not needed(plan(complete(1, 30, timeline=2)), 40, 1)
    assert needed(plan(complete(1, 30, timeline=2), complete(9, 35)), 40, 1)


def test_the_oldest_of_several_decides() -> None:
    cleanup = plan(complete(1, 300), complete(2, 200), complete(3, 250))

    assert not needed(cleanup, 199)
    assert needed(cleanup, 200)


def test_the_earlier_one_of_what_a_backup_says_counts() -> None:
    lying = complete(1, 300, begin_wal=segment(400))

    assert needed(plan(lying), 300)
    assert not needed(plan(lying), 299)


def test_a_standalone_backup_needs_what_makes_it_consistent() -> None:
    cleanup = standalone(complete(9, 20, end=22), complete(1, 100))

    assert [number for number in range(120) if needed(cleanup, number)] == [
        *(20, 21, 22),
        *range(100, 120),
    ]
    # A standby's backup may end on a later timeline than it began on.
    assert needed(cleanup, 21, 2)


def test_a_standalone_backup_alone_is_no_anchor() -> None:
    cleanup = standalone(complete(9, 20))

    assert needed(cleanup, 1)
    assert "no complete backup is left" in cleanup.obstacles[0]


def test_without_a_complete_backup_no_wal_goes() -> None:
    for cleanup in (plan(), plan(failed(1)), plan(running(1)), plan(failed(1, 30))):
        assert needed(cleanup, 1)
        assert len(cleanup.obstacles) == 1


def test_a_failed_backup_needs_nothing() -> None:
    cleanup = plan(failed(9, 20), complete(1, 100))

    assert not needed(cleanup, 50)


def test_a_backup_that_runs_needs_what_its_marker_says() -> None:
    cleanup = plan(complete(9, 100, timeline=2), running(0.1, 50, timeline=1))

    assert not needed(cleanup, 49, 1)
    assert needed(cleanup, 50, 1)
    assert needed(cleanup, 60, 1)


def test_barmans_running_backup_needs_what_its_info_says() -> None:
    begun = complete(6.9, 50, status=BackupStatus.STARTED, end_time=None)

    assert needed(plan(complete(1, 100), begun), 50)
    assert not needed(plan(complete(1, 100), begun), 49)


@pytest.mark.parametrize(
    "dead",
    [running(8, 50), complete(8, 50, status=BackupStatus.STARTED, end_time=None)],
)
def test_what_was_silent_for_a_week_is_dead(dead: Backup) -> None:
    assert not needed(plan(complete(1, 100), dead), 60)
    # What is stored now is a sign of life, however long ago it began.
    alive = replace(dead, last_stored=NOW)
    assert needed(plan(complete(1, 100), alive), 60)


@pytest.mark.parametrize(
    "status", [BackupStatus.WAITING_FOR_WALS, BackupStatus.SYNCING]
)
def test_what_a_barman_server_still_has_to_do_never_dies(status: BackupStatus) -> None:
    waiting = complete(100, 50, status=status)

    assert needed(plan(complete(1, 100), waiting), 60)


def test_an_unreadable_backup_needs_what_its_marker_says() -> None:
    broken = unreadable(100)
    marker = made_up_marker(broken.backup_id, first_wal=segment(50))

    cleanup = plan(complete(1, 100), replace(broken, started=marker))

    assert not needed(cleanup, 49)
    assert needed(cleanup, 60)


@pytest.mark.parametrize(
    "unknown",
    [
        unreadable(100),
        replace(running(0.1), started=None),
        replace(running(0.1), started=None, problem="started.json is not valid JSON"),
        complete(2, begin_wal=None, begin_xlog=None),
        replace(complete(2), info=BackupInfo(status=BackupStatus.DONE, end_time=NOW)),
        complete(2, timeline=2, begin_wal=segment(3, 1)),
    ],
)
def test_as_long_as_a_need_is_unknown_no_wal_goes_and_it_is_said_why(
    unknown: Backup,
) -> None:
    cleanup = plan(complete(1, 100), unknown)

    assert needed(cleanup, 1)
    (obstacle,) = cleanup.obstacles
    assert obstacle.startswith(f"backup {unknown.backup_id}: ")


def test_backups_with_segments_of_different_sizes_cannot_be_compared() -> None:
    other = complete(2, 100, xlog_segment_size=32 << 20, begin_xlog=None)

    (obstacle,) = plan(complete(1, 100), other).obstacles

    assert "size of their WAL segments" in obstacle


def test_what_the_future_and_snapshots_hold_needs_wal_and_is_no_anchor() -> None:
    future = replace(complete(1, 50), backup_id="20300101T000000")
    snapshots = complete(2, 40, snapshots_info={"provider": "aws"})

    assert len(plan(future, snapshots).obstacles) == 1
    cleanup = plan(future, snapshots, complete(1, 100))
    assert needed(cleanup, 40)
    assert not needed(cleanup, 39)


def test_where_all_is_needed_from_is_told_for_each_timeline() -> None:
    cleanup = standalone(
        complete(9, 20), complete(1, 100, timeline=2), complete(3, 80, timeline=3)
    )

    for timeline, start in ((2, 100), (3, 80), (4, 80)):
        assert not cleanup.is_all_needed_from(segment(start - 1, timeline))
        assert cleanup.is_all_needed_from(segment(start, timeline))
    assert not cleanup.is_all_needed_from(segment(20, 1))
    assert not cleanup.is_all_needed_from(segment(200, 1))
