from dataclasses import replace
from datetime import timedelta

import pytest

from cloudhoard.domain.backup import Backup, KeepTarget
from cloudhoard.domain.backup_info import BackupStatus
from cloudhoard.domain.catalog import BackupNotFound, Catalog
from cloudhoard.domain.deletion_choice import (
    Chooser,
    ObsoleteBackups,
    OneBackup,
    forgotten_markers,
)
from cloudhoard.domain.retention import Redundancy, Verdict
from cloudhoard.errors import OperationFailed, UsageError
from tests.support.catalogs import (
    NOW,
    complete,
    failed,
    running,
    segment,
    unreadable,
)

A, B, C = complete(30, 10), complete(20, 20), complete(10, 30)
ALL = Catalog([A, B, C])
KEEP_TWO = ObsoleteBackups(Redundancy(2), 2)


def marked(backup: Backup, minutes: int = 0) -> Backup:
    """The backup, as it looks when somebody has begun to delete it."""
    begun = NOW - timedelta(minutes=minutes)
    return replace(backup, deletion_begun=begun)


def test_a_policy_takes_the_oldest_first() -> None:
    assert ObsoleteBackups(Redundancy(1)).choose(ALL, NOW).backup_ids == (
        A.backup_id,
        B.backup_id,
    )


def test_what_builds_on_a_backup_goes_before_it() -> None:
    child = complete(29, parent_backup_id=A.backup_id)
    grandchild = complete(28, parent_backup_id=child.backup_id)

    choice = ObsoleteBackups(Redundancy(1)).choose(
        Catalog([A, child, grandchild, C]), NOW
    )

    assert choice.backup_ids == (
        grandchild.backup_id,
        child.backup_id,
        A.backup_id,
    )


def test_a_redundancy_below_what_stays_anyway_is_told() -> None:
    (note,) = ObsoleteBackups(Redundancy(1), 3).choose(ALL, NOW).notes

    assert note == "REDUNDANCY 1 is taken for 3"
    assert ObsoleteBackups(Redundancy(3), 3).choose(ALL, NOW).notes == ()


def test_a_policy_takes_nothing_of_what_it_needs_without_another_s_victim() -> None:
    first = KEEP_TWO.choose(ALL, NOW)
    assert first.backup_ids == (A.backup_id,)

    again = KEEP_TWO.choose_again(first, Catalog([marked(A), marked(B), C]), NOW)

    assert again.backup_ids == ()
    assert again.verdicts[A.backup_id] is Verdict.VALID


@pytest.mark.parametrize("there", [[marked(A), B, C], [marked(A), marked(B, 61), C]])
def test_a_marker_that_nobody_follows_up_changes_nothing(there: list[Backup]) -> None:
    first = KEEP_TWO.choose(ALL, NOW)

    assert KEEP_TWO.choose_again(first, Catalog(there), NOW).backup_ids == (
        A.backup_id,
    )


def test_what_another_has_deleted_meanwhile_is_asked_for_no_more() -> None:
    first = KEEP_TWO.choose(ALL, NOW)

    again = KEEP_TWO.choose_again(first, Catalog([marked(A), C]), NOW)

    assert again.backup_ids == ()


def test_what_is_spared_is_spared_in_the_second_look_too() -> None:
    chooser = ObsoleteBackups(Redundancy(1))
    abandoned = complete(10, 100)
    standalone = replace(A, keep=KeepTarget.STANDALONE)
    catalog = Catalog([standalone, B, abandoned])
    first = chooser.choose(catalog, NOW).sparing(
        catalog, {1: segment(1), 2: segment(15, 2)}
    )
    assert first.backup_ids == (B.backup_id,)
    assert len(first.notes) == 1

    seen = Catalog([standalone, marked(B), abandoned])
    again = chooser.choose_again(first, seen, NOW)

    assert again.backup_ids == (B.backup_id,)
    assert again.verdicts[A.backup_id] is Verdict.VALID, "its WAL has to stay"


@pytest.mark.parametrize(
    ("backup", "refusal"),
    [
        (replace(A, keep=KeepTarget.FULL), "is kept"),
        (replace(failed(30), keep=KeepTarget.STANDALONE), "is kept"),
        (complete(30, snapshots_info={"provider": "gcp"}), "snapshots of disks"),
        (running(0.9), "may still be running"),
        (replace(running(30), last_stored=NOW), "may still be running"),
        (
            complete(0.9, status=BackupStatus.STARTED, end_time=None),
            "may still be running",
        ),
    ],
)
def test_some_backups_are_not_deleted_by_name_either(
    backup: Backup, refusal: str
) -> None:
    catalog = Catalog([backup, B, C])

    with pytest.raises(OperationFailed, match=refusal) as error:
        OneBackup(backup.backup_id).choose(catalog, NOW)
    assert error.value.hint


@pytest.mark.parametrize(
    "backup", [A, failed(30), unreadable(30), running(1.1), running(30)]
)
def test_others_are(backup: Backup) -> None:
    choice = OneBackup(backup.backup_id).choose(Catalog([backup, B, C]), NOW)

    assert choice.backup_ids == (backup.backup_id,)


def test_a_backup_that_others_build_on_goes_after_them() -> None:
    child = complete(29, parent_backup_id=A.backup_id)

    with pytest.raises(OperationFailed, match=f"build on .*: {child.backup_id}"):
        OneBackup(A.backup_id).choose(Catalog([A, child]), NOW)
    assert OneBackup(child.backup_id).choose(Catalog([A, child]), NOW).backup_ids


@pytest.mark.parametrize(
    ("minimum", "is_refused"), [(0, False), (1, False), (2, False), (3, True)]
)
def test_so_many_complete_backups_remain(minimum: int, *, is_refused: bool) -> None:
    catalog = Catalog([A, B, C, failed(5), running(4), unreadable(3)])
    chooser = OneBackup(B.backup_id, minimum)
    if is_refused:
        with pytest.raises(OperationFailed, match="2 complete backups would be left"):
            chooser.choose(catalog, NOW)
    else:
        assert chooser.choose(catalog, NOW).backup_ids == (B.backup_id,)


def test_what_does_not_count_can_always_go() -> None:
    catalog = Catalog([A, failed(5)])

    assert OneBackup(failed(5).backup_id, 9).choose(catalog, NOW).backup_ids


def test_what_others_are_about_to_take_does_not_count() -> None:
    chooser = OneBackup(A.backup_id, 2)
    first = chooser.choose(ALL, NOW)

    with pytest.raises(OperationFailed, match="1 complete backups would be left"):
        chooser.choose_again(first, Catalog([marked(A), marked(B), C]), NOW)
    assert chooser.choose_again(first, Catalog([marked(A), B, C]), NOW) == first


def test_an_absent_id_is_no_error_and_an_absent_name_is() -> None:
    choice = OneBackup("20200101T000000").choose(ALL, NOW)
    assert choice.backup_ids == ()
    assert choice.notes == ("there is no backup 20200101T000000",)

    for name in ("weekly", "last-failed"):
        with pytest.raises(BackupNotFound):
            OneBackup(name).choose(ALL, NOW)
    with pytest.raises(UsageError):
        OneBackup("auto").choose(ALL, NOW)


def test_words_go_by_complete_backups() -> None:
    catalog = Catalog([failed(40), A, B, C, running(0.1)])

    assert OneBackup("latest").choose(catalog, NOW).backup_ids == (C.backup_id,)
    assert OneBackup("oldest").choose(catalog, NOW).backup_ids == (A.backup_id,)


@pytest.mark.parametrize("chooser", [KEEP_TWO, OneBackup(A.backup_id)])
def test_what_is_being_deleted_already_is_not_chosen(chooser: Chooser) -> None:
    gone = Backup(backup_id=A.backup_id, deletion_begun=NOW)

    assert chooser.choose(Catalog([gone, B, C]), NOW).backup_ids == ()


def test_old_markers_beside_whole_backups_are_forgotten_ones() -> None:
    gone = Backup(
        backup_id="20200101T000000",
        deletion_begun=NOW - timedelta(days=1),
    )
    catalog = Catalog([marked(A, 61), marked(B, 59), C, gone])

    assert forgotten_markers(catalog, NOW) == (A.backup_id,)


def test_a_backup_is_not_deleted_from_under_one_that_builds_on_it_meanwhile() -> None:
    first = OneBackup(A.backup_id).choose(ALL, NOW)
    child = complete(0.1, parent_backup_id=A.backup_id)

    with pytest.raises(OperationFailed, match="build on"):
        OneBackup(A.backup_id).choose_again(
            first, Catalog([marked(A), B, C, child]), NOW
        )
