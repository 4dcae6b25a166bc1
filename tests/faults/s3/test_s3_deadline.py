"""A store that hangs, in whatever way, holds no command beyond its deadline.

The time-outs are set so long that a command without a deadline would be ended by
S3Commands, after two minutes, as one that hangs.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.conftest import MakeCluster
from tests.support.http_faults import Kind
from tests.support.s3_archiving import archiving_cluster
from tests.support.s3_commands import S3Commands
from tests.support.wal_files import FIRST, FIRST_KEY, DataDirectory

UNREACHABLE: Final = 2
STRICT: Final = 192
MIB: Final = 1 << 20
PATIENT: Final = ["--read-timeout=3600", "--connect-timeout=3600", "--retries=9"]
PASSED: Final = "the deadline of 4 s has passed"


def within(seconds: int) -> list[str]:
    return [f"--deadline={seconds}", *PATIENT]


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data", segment_size=16 * MIB)


def archive(s3: S3Commands, data: DataDirectory) -> None:
    path = data.segment(FIRST)
    ended = s3.attempt("wal-archive", path, options=["--compression=none"])
    assert ended.returncode == 0, ended.stderr
    path.unlink()


@pytest.mark.parametrize("kind", ["stall", "stall request", "trickle"])
def test_wal_archive_ends_and_does_not_say_that_it_is_archived(
    s3: S3Commands, data: DataDirectory, kind: Kind
) -> None:
    s3.proxy.add("^PUT .*/wals/", kind, times=99)
    options = ["--compression=none", *within(4)]

    ended = s3.attempt("wal-archive", data.segment(FIRST), options=options)

    assert ended.returncode == UNREACHABLE
    assert f"error: cannot write {FIRST_KEY} to {s3.proxy.url}" in ended.stderr
    assert f"/main: {PASSED}\n" in ended.stderr
    assert "hint: find out why" in ended.stderr
    assert len(ended.stderr.splitlines()) == 2
    s3.proxy.faults.clear()
    archive(s3, data)


@pytest.mark.parametrize("kind", ["stall", "stall answer", "trickle"])
def test_wal_restore_stops_recovery_and_leaves_no_file(
    s3: S3Commands, data: DataDirectory, kind: Kind
) -> None:
    archive(s3, data)
    data.signal("recovery.signal")
    s3.proxy.add("^GET .*/wals/", kind, times=99)

    ended = s3.attempt("wal-restore", FIRST, data.destination, options=within(4))

    assert ended.returncode == STRICT + UNREACHABLE
    assert f"error: cannot read {FIRST_KEY} from {s3.proxy.url}" in ended.stderr
    assert PASSED in ended.stderr
    assert list(data.pg_wal.glob("*RECOVERYXLOG*")) == []


def test_wal_restore_for_a_standby_only_fails(
    s3: S3Commands, data: DataDirectory
) -> None:
    archive(s3, data)
    data.signal("standby.signal")
    s3.proxy.add("^GET", "stall", times=99)

    ended = s3.attempt("wal-restore", FIRST, data.destination, options=within(4))

    assert ended.returncode == UNREACHABLE
    assert not data.destination.exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("backup-list", []),
        ("backup-show", ["latest"]),
        ("backup-keep", ["latest", "--status"]),
        ("check-wal-archive", []),
        ("restore", ["latest", "target"]),
    ],
)
def test_commands_on_backups_end(
    s3: S3Commands, tmp_path: Path, command: str, words: list[str]
) -> None:
    s3.proxy.add("^(GET|HEAD)", "trickle", times=99)
    words = [str(tmp_path / word) if word == "target" else word for word in words]

    ended = s3.attempt(command, *words, options=within(4))

    assert ended.returncode == UNREACHABLE
    assert f"error: cannot list base/* in {s3.proxy.url}" in ended.stderr or (
        command == "check-wal-archive" and "error: cannot list" in ended.stderr
    )
    assert PASSED in ended.stderr


@pytest.mark.postgres
def test_backup_ends_whatever_its_threads_are_at(
    s3: S3Commands, make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    cluster = archiving_cluster(make_cluster, s3)
    s3.proxy.add("^PUT .*/data", "stall", times=99)
    options = ["--immediate-checkpoint", *within(8)]

    ended = cluster.run(s3.argv("backup", options=options), check=False)

    assert ended.returncode == UNREACHABLE
    assert "the deadline of 8 s has passed" in ended.stderr
    assert [key for key in s3.stored() if "/data" in key] == []
    still_there = "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'backup_st'"
    cluster.wait_for(f"{still_there} AND pid <> pg_backend_pid()", "0")


def test_deadline_leaves_room_for_trying_again(
    s3: S3Commands, data: DataDirectory
) -> None:
    fault = s3.proxy.add("^PUT .*/wals/", "stall")

    ended = s3.attempt("wal-archive", data.segment(FIRST), options=["--deadline=40"])

    assert (ended.returncode, fault.seen) == (0, 1), ended.stderr
