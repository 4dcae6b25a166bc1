from datetime import UTC, datetime, timedelta

import pytest

from cloudhoard.domain.backup_choice import (
    RestorePoint,
    check_automatic,
    check_point,
    choose_point,
)
from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.recovery_target import (
    Immediate,
    RecoveryTarget,
    TargetLsn,
    TargetName,
    TargetTime,
    TargetXid,
    ToTheEnd,
)
from cloudhoard.domain.timeline import TimelineHistory, TimelineSwitch
from cloudhoard.errors import OperationFailed, UsageError

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FIRST_TIMELINE = TimelineHistory(1)
# 1 was left at 0/5000000 for 2, and again, later, at 0/8000000 for 3.
SECOND = TimelineHistory(2, (TimelineSwitch(1, Lsn(0x5000000)),))
THIRD = TimelineHistory(3, (TimelineSwitch(1, Lsn(0x8000000)),))


def point(
    backup_id: str, *, hours: int, timeline: int = 1, stop: int = 0x3000000
) -> RestorePoint:
    return RestorePoint(
        backup_id=backup_id,
        timeline=timeline,
        stop_lsn=Lsn(stop),
        stopped_at=NOON + timedelta(hours=hours),
    )


A = point("20261121T110000", hours=0)
B = point("20261121T120000", hours=1, stop=0x6000000)
C = point("20261121T130000", hours=2, timeline=2, stop=0x7000000)


def at(hours: float) -> TargetTime:
    return TargetTime(NOON + timedelta(hours=hours))


def test_newest_backup_before_the_target_is_chosen() -> None:
    assert choose_point([B, A], at(1.5), FIRST_TIMELINE) == B
    assert choose_point([B, A], at(0.5), FIRST_TIMELINE) == A


def test_backup_that_ends_at_the_target_will_do() -> None:
    assert choose_point([A, B], at(1), FIRST_TIMELINE) == B


def test_newest_of_all_is_chosen_for_the_end() -> None:
    assert choose_point([A, B], ToTheEnd(), FIRST_TIMELINE) == B


def test_backups_of_another_branch_are_passed_over() -> None:
    # B ended on timeline 1 after 2 had branched off.
    assert choose_point([A, B], ToTheEnd(), SECOND) == A
    assert choose_point([A, B, C], ToTheEnd(), SECOND) == C
    assert choose_point([A, B, C], ToTheEnd(), THIRD) == B


def test_backup_that_ends_at_the_switch_lies_on_the_new_timeline() -> None:
    last = point("20261121T115900", hours=1, stop=0x5000000)

    assert choose_point([A, last], ToTheEnd(), SECOND) == last


def test_target_before_every_backup_names_the_first_recoverable_point() -> None:
    with pytest.raises(OperationFailed) as caught:
        choose_point([B, A], at(-1), FIRST_TIMELINE)

    assert caught.value.message == (
        "the target 2026-11-21 11:00:00+00:00 is before the first recoverable point,"
        " 2026-11-21 12:00:00+00:00, the end of backup 20261121T110000"
    )


def test_no_backup_on_the_timeline_is_said() -> None:
    with pytest.raises(OperationFailed, match="history of timeline 3") as caught:
        choose_point([C], ToTheEnd(), THIRD)

    assert caught.value.hint == (
        "those there are end on timeline 2; choose it with --target-tli"
    )


def test_named_backup_that_can_reach_the_target_is_accepted() -> None:
    check_point(A, [A, B], at(0.5), FIRST_TIMELINE)
    check_point(A, [A, B, C], ToTheEnd(), SECOND)


def test_named_backup_that_ends_after_the_target_is_refused() -> None:
    with pytest.raises(OperationFailed) as caught:
        check_point(B, [A, B], at(0.5), FIRST_TIMELINE)

    assert caught.value.message == (
        "backup 20261121T120000 ends at 2026-11-21 13:00:00+00:00, after the target"
        " 2026-11-21 12:30:00+00:00"
    )
    assert caught.value.hint is not None
    assert "auto" in caught.value.hint


def test_named_backup_is_refused_with_the_first_point_when_none_would_do() -> None:
    with pytest.raises(OperationFailed, match="first recoverable point, 2026-11-21 12"):
        check_point(B, [A, B], at(-1), FIRST_TIMELINE)


def test_named_backup_of_another_branch_is_refused() -> None:
    with pytest.raises(OperationFailed) as caught:
        check_point(B, [A, B], ToTheEnd(), SECOND)

    assert caught.value.message == (
        "backup 20261121T120000 ends on timeline 1 at 0/6000000, which is not in the"
        " history of timeline 2"
    )
    assert caught.value.hint == "recover along its own timeline: --target-tli 1"


def test_backup_without_an_end_is_no_point() -> None:
    info = BackupInfo(timeline=1, end_time=NOON, end_xlog=Lsn(0x3000000))

    assert RestorePoint.of("20261121T110000", info) == A
    assert RestorePoint.of("20261121T110000", BackupInfo(timeline=1)) is None


def lsn(position: int) -> TargetLsn:
    return TargetLsn(Lsn(position))


def test_position_chooses_the_newest_backup_that_ends_at_it_or_before() -> None:
    assert choose_point([B, A], lsn(0x6000000), FIRST_TIMELINE) == B
    assert choose_point([B, A], lsn(0x5FFFFFF), FIRST_TIMELINE) == A


def test_position_goes_by_positions_where_a_clock_was_wrong() -> None:
    late = point("20261121T150000", hours=4, stop=0x4000000)

    assert choose_point([A, B, late], lsn(0x7000000), FIRST_TIMELINE) == B
    assert choose_point([A, B, late], at(9), FIRST_TIMELINE) == late


def test_position_is_one_of_the_followed_timeline() -> None:
    # On timeline 1 position 0/7500000 is another one than on 2.
    assert choose_point([A, B, C], lsn(0x7500000), FIRST_TIMELINE) == B
    assert choose_point([A, B, C], lsn(0x7500000), SECOND) == C
    assert choose_point([A, B, C], lsn(0x6800000), SECOND) == A


def test_position_before_every_backup_names_the_first_one() -> None:
    expected = (
        "the target 0/2FFFFFF is before the first recoverable point, 0/3000000, the"
        " end of backup 20261121T110000"
    )
    with pytest.raises(OperationFailed) as caught:
        choose_point([B, A], lsn(0x2FFFFFF), FIRST_TIMELINE)
    assert caught.value.message == expected
    with pytest.raises(OperationFailed) as caught:
        check_point(B, [A, B], lsn(0x2FFFFFF), FIRST_TIMELINE)
    assert caught.value.message == expected


def test_named_backup_that_ends_after_the_position_is_refused() -> None:
    check_point(B, [A, B], lsn(0x6000000), FIRST_TIMELINE)
    with pytest.raises(OperationFailed) as caught:
        check_point(B, [A, B], lsn(0x5FFFFFF), FIRST_TIMELINE)

    assert caught.value.message == (
        "backup 20261121T120000 ends at 0/6000000, after the target 0/5FFFFFF"
    )


def test_newest_backup_is_chosen_to_be_brought_to_its_own_end() -> None:
    assert choose_point([B, A], Immediate(), FIRST_TIMELINE) == B
    assert choose_point([B, A, C], Immediate(), SECOND) == C


@pytest.mark.parametrize("target", [TargetXid(742), TargetName("x"), Immediate()])
def test_named_backup_is_taken_where_nothing_speaks_against_it(
    target: RecoveryTarget,
) -> None:
    check_point(A, [A, B], target, FIRST_TIMELINE)
    with pytest.raises(OperationFailed, match="not in the history"):
        check_point(B, [A, B], target, SECOND)


def test_backup_for_what_only_the_wal_knows_is_not_chosen() -> None:
    with pytest.raises(UsageError) as caught:
        check_automatic(TargetXid(742), "latest")
    assert caught.value.message == (
        "auto cannot tell which backups ended before transaction 742: only the WAL"
        " says where that is"
    )
    assert caught.value.hint is not None
    assert "name the newest backup" in caught.value.hint
    with pytest.raises(UsageError, match="the restore point 'x'"):
        check_automatic(TargetName("x"), 1)


@pytest.mark.parametrize("target", [ToTheEnd(), at(0), lsn(1), Immediate()])
def test_backup_for_everything_else_is_chosen(target: RecoveryTarget) -> None:
    check_automatic(target, "latest")
    check_automatic(target, 2)
    with pytest.raises(UsageError, match="auto leaves open"):
        check_automatic(target, "current")
