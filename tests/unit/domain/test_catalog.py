from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Final

import pytest

from cloudhoard.cli.exit_codes import exit_code_for
from cloudhoard.domain.backup import Backup, BackupState, KeepTarget, parse_keep
from cloudhoard.domain.backup_info import BackupStatus
from cloudhoard.domain.backup_name import check_backup_name
from cloudhoard.domain.catalog import AmbiguousBackupName, BackupNotFound, Catalog
from cloudhoard.errors import DamagedError, OperationFailed, UsageError
from tests.support.made_up_backups import STOPPED_AT, made_up_info, made_up_marker


def day(number: int) -> str:
    return f"202611{number:02}T000000"


def done(
    number: int,
    *,
    name: str | None = None,
    hours: float = 0,
    status: BackupStatus = BackupStatus.DONE,
    parent: str | None = None,
) -> Backup:
    info = made_up_info(
        day(number),
        backup_name=name,
        status=status,
        end_time=STOPPED_AT + timedelta(days=number, hours=hours),
        parent_backup_id=parent,
    )
    return Backup(backup_id=day(number), info=info, has_info=True)


def failed(number: int, *, name: str | None = None) -> Backup:
    return done(number, name=name, status=BackupStatus.FAILED)


UNFINISHED: Final = Backup(
    backup_id=day(30), started=made_up_marker(day(30), backup_name="running")
)
UNREADABLE: Final = Backup(backup_id=day(29), has_info=True, problem="it is damaged")


def resolved(text: str, *backups: Backup) -> str:
    return Catalog(backups).resolve(text).backup_id


@pytest.mark.parametrize("word", ["latest", "last", "latest-full", "last-full"])
def test_latest_is_the_complete_backup_that_ended_last(word: str) -> None:
    slow = done(1, hours=72)

    assert resolved(word, slow, done(2), failed(9), UNFINISHED, UNREADABLE) == day(1)


@pytest.mark.parametrize("word", ["oldest", "first"])
def test_oldest_is_the_complete_backup_that_ended_first(word: str) -> None:
    slow = done(2, hours=72)

    assert resolved(word, failed(1), slow, done(3), UNFINISHED, UNREADABLE) == day(3)


def test_stop_times_are_compared_as_instants() -> None:
    early = done(1)
    assert early.info is not None
    assert early.info.end_time is not None
    elsewhere = timezone(timedelta(hours=14))
    info = made_up_info(
        day(2),
        end_time=(early.info.end_time - timedelta(hours=1)).astimezone(elsewhere),
    )

    assert resolved("latest", early, Backup(backup_id=day(2), info=info)) == day(1)


def test_backups_that_need_an_earlier_one_are_not_chosen_but_found() -> None:
    incremental = done(2, parent=day(1))

    assert resolved("latest", done(1), incremental) == day(1)
    assert resolved(day(2), done(1), incremental) == day(2)


def test_last_failed_is_the_failed_backup_with_the_highest_id() -> None:
    assert resolved("last-failed", failed(2), failed(1), done(3)) == day(2)


@pytest.mark.parametrize("text", ["latest", "oldest", "last-failed", day(9), "weekly"])
def test_what_is_not_there_ends_in_exit_code_1(text: str) -> None:
    with pytest.raises(BackupNotFound) as caught:
        resolved(text, UNFINISHED)

    assert exit_code_for(caught.value) == 1


def test_an_id_finds_its_backup_in_every_state() -> None:
    backups = (done(1), failed(2), UNFINISHED, UNREADABLE)

    assert [resolved(each.backup_id, *backups) for each in backups] == [
        each.backup_id for each in backups
    ]


def test_a_name_finds_its_backup_and_prefers_the_complete_one() -> None:
    assert resolved("weekly", failed(1, name="weekly"), done(2)) == day(1)
    assert resolved("running", UNFINISHED) == day(30)
    backups = failed(1, name="weekly"), done(2, name="weekly"), failed(3, name="weekly")
    assert resolved("weekly", *backups) == day(2)


@pytest.mark.parametrize("make", [done, failed])
def test_a_name_of_several_is_an_error_that_tells_their_ids(
    make: Callable[..., Backup],
) -> None:
    with pytest.raises(AmbiguousBackupName, match=f"{day(1)}, {day(2)}"):
        resolved("weekly", make(1, name="weekly"), make(2, name="weekly"))


def test_auto_is_for_restore_alone() -> None:
    with pytest.raises(UsageError, match="only in cloudhoard-restore"):
        resolved("auto", done(1))


def test_backups_are_in_the_order_of_their_ids() -> None:
    catalog = Catalog([done(3), UNFINISHED, done(1)])

    assert [each.backup_id for each in catalog.backups] == [day(1), day(3), day(30)]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (BackupStatus.DONE, BackupState.DONE),
        (BackupStatus.FAILED, BackupState.FAILED),
        (BackupStatus.STARTED, BackupState.UNFINISHED),
        (BackupStatus.EMPTY, BackupState.UNFINISHED),
        (BackupStatus.SYNCING, BackupState.UNFINISHED),
        (BackupStatus.WAITING_FOR_WALS, BackupState.UNFINISHED),
    ],
)
def test_only_done_is_complete(status: BackupStatus, state: BackupState) -> None:
    backup = done(1, status=status)

    assert backup.state is state
    assert backup.is_complete == (status is BackupStatus.DONE)


def test_a_marker_of_deletion_counts_only_without_backup_info() -> None:
    info = made_up_info()

    going = Backup(
        backup_id=day(1), deletion_begun=STOPPED_AT, started=made_up_marker()
    )
    staying = Backup(
        backup_id=day(1), deletion_begun=STOPPED_AT, info=info, has_info=True
    )
    unreadable = Backup(backup_id=day(1), deletion_begun=STOPPED_AT, has_info=True)

    assert going.state is BackupState.DELETING
    assert staying.state is BackupState.DONE
    assert unreadable.state is BackupState.UNREADABLE


def test_only_a_complete_backup_gives_its_info() -> None:
    complete = done(1)

    assert complete.complete_info() is complete.info
    with pytest.raises(DamagedError, match=f"backup {day(29)}: it is damaged"):
        UNREADABLE.complete_info()
    with pytest.raises(OperationFailed, match="is UNFINISHED, not complete"):
        UNFINISHED.complete_info()
    info = made_up_info(status=BackupStatus.FAILED, error="disk full")
    with pytest.raises(OperationFailed, match="is FAILED, not complete: disk full"):
        Backup(backup_id=day(1), info=info).complete_info()


@pytest.mark.parametrize(
    ("data", "target"),
    [
        (b"full", KeepTarget.FULL),
        (b"standalone", KeepTarget.STANDALONE),
        (b"standalone\n", KeepTarget.STANDALONE),
        (b"standalone \r\nfull", KeepTarget.STANDALONE),
        (b"", KeepTarget.FULL),
        (b"\xff\x1b[2J", KeepTarget.FULL),
        (b"STANDALONE", KeepTarget.FULL),
    ],
)
def test_whatever_is_not_standalone_keeps_all(data: bytes, target: KeepTarget) -> None:
    assert parse_keep(data) is target


@pytest.mark.parametrize("name", ["weekly", "before 15.4", "wöchentlich", "x=y"])
def test_names_that_a_backup_can_have(name: str) -> None:
    assert check_backup_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", " x", "x ", "a\nb", "\x1b", "\udcff", "x" * 256),
        *("None", "latest", "oldest", "last-failed", "auto", "20261121T052227"),
    ],
)
def test_names_that_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_backup_name(name)

    assert caught.value.message.isprintable()
