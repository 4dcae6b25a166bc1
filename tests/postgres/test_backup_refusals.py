"""What cloudhoard-backup refuses at once, before it has stored anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.backups import Archive, BackupRunner
from tests.support.cluster import Cluster

pytestmark = pytest.mark.postgres


@pytest.fixture
def archive(work_directory: Path, cluster: Cluster) -> Archive:
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])
    return archive


@pytest.fixture
def runner(cluster: Cluster, archive: Archive) -> BackupRunner:
    return BackupRunner(cluster, archive)


def assert_refused(
    runner: BackupRunner, *options: str, because: str, code: int = 1
) -> None:
    ended = runner.attempt(*options)

    assert ended.returncode == code, ended.stderr
    warning = "cloudhoard-backup: warning: archive_command is empty"
    lines = [line for line in ended.stderr.splitlines() if warning not in line]
    first, *others = lines
    assert first.startswith("cloudhoard-backup: error: ")
    assert because in first
    assert all(line.startswith("cloudhoard-backup: hint: ") for line in others)
    assert runner.archive.backup_ids == []


def test_archive_mode_off(make_cluster: MakeCluster, work_directory: Path) -> None:
    cluster = make_cluster("silent")
    cluster.start()
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])

    assert_refused(BackupRunner(cluster, archive), because="archive_mode is off")


def test_standby(cluster: Cluster, runner: BackupRunner) -> None:
    cluster.stop()
    signal = cluster.data_directory / "standby.signal"
    signal.touch()
    cluster.os_user.give(signal)
    cluster.start()

    assert_refused(runner, because="the server is a standby")


def test_server_that_is_down(cluster: Cluster, runner: BackupRunner) -> None:
    cluster.stop()

    assert_refused(runner, because="cannot connect to PostgreSQL")


@contextmanager
def replaced(cluster: Cluster, other: Cluster, postmaster: str) -> Iterator[None]:
    """Put other's data directory where cluster's is, with that postmaster.pid.

    As on another machine: the server is elsewhere, and what is here is not its own.
    """
    place, away = cluster.data_directory, cluster.directory / "away"
    place.rename(away)
    other.run(["cp", "-a", str(other.data_directory), str(place)], cwd=other.directory)
    other.run(["tee", str(place / "postmaster.pid")], input=postmaster)
    try:
        yield
    finally:
        other.run(["rm", "-r", str(place)], cwd=other.directory)
        away.rename(place)


def test_data_directory_of_another_server(
    cluster: Cluster, runner: BackupRunner, make_cluster: MakeCluster
) -> None:
    other = make_cluster("other", own_identifier=True)
    lines = (cluster.data_directory / "postmaster.pid").read_text().splitlines()
    lines[2] = str(int(lines[2]) - 3600)

    with replaced(cluster, other, "\n".join(lines)):
        assert_refused(runner, because="we are connected to one started at")


def test_archive_of_another_cluster(
    cluster: Cluster,
    archive: Archive,
    make_cluster: MakeCluster,
) -> None:
    cluster.configure({"archive_command": archive.archive_command})
    cluster.wait_until_archived(cluster.switch_wal())
    other = make_cluster("other", settings={"archive_mode": "on"}, own_identifier=True)
    other.start()

    assert_refused(BackupRunner(other, archive), because="belongs to the cluster")


def test_archive_inside_the_data_directory(cluster: Cluster) -> None:
    archive = Archive(cluster.data_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])

    assert_refused(BackupRunner(cluster, archive), because="which is backed up")


def test_archive_directory_that_is_not_there(
    cluster: Cluster, work_directory: Path
) -> None:
    runner = BackupRunner(cluster, Archive(work_directory / "unmounted"))

    assert_refused(runner, because=str(work_directory / "unmounted"), code=2)


def test_tablespace_that_is_not_mounted(
    cluster: Cluster, runner: BackupRunner, work_directory: Path
) -> None:
    place = work_directory / "fast"
    cluster.run(["mkdir", str(place)])
    cluster.execute(f"create tablespace fast location '{place}'")
    place.rename(work_directory / "gone")

    assert_refused(runner, because="cannot read tablespace 'fast'")


def test_role_that_may_not_read_the_settings(
    cluster: Cluster, runner: BackupRunner
) -> None:
    cluster.execute("create role nobody login")

    assert_refused(runner, "-U", "nobody", because='examine "data_directory"')


def test_role_with_the_documented_rights_may_take_a_backup(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    cluster.configure({"archive_command": archive.archive_command})
    newer = cluster.programs.major >= 15
    start = "pg_backup_start(text, boolean)"
    stop = "pg_backup_stop(boolean)"
    if not newer:
        start = "pg_start_backup(text, boolean, boolean)"
        stop = "pg_stop_backup(boolean, boolean)"
    cluster.execute("create role backup login in role pg_read_all_settings")
    for function in (start, stop):
        cluster.execute(f"grant execute on function {function} to backup")

    assert runner.take("-U", "backup").info["status"] == "DONE"


@pytest.mark.parametrize("name", ["latest", "20260101T000000", "", "two\nlines"])
def test_names_that_stand_for_something_else(runner: BackupRunner, name: str) -> None:
    ended = runner.attempt("--name", name)

    assert ended.returncode == 3
    assert runner.archive.backup_ids == []


def test_connection_string_that_is_none_is_not_repeated(runner: BackupRunner) -> None:
    ended = runner.attempt("-vv", "-d", "passwort=geheim host")

    assert ended.returncode == 3
    assert "geheim" not in ended.stderr


def test_only_testing_the_archive_asks_no_server(
    cluster: Cluster, runner: BackupRunner, work_directory: Path
) -> None:
    cluster.stop()

    assert runner.attempt("--test").returncode == 0
    missing = BackupRunner(cluster, Archive(work_directory / "unmounted"))
    assert missing.attempt("--test").returncode == 2
