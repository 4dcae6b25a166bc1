"""Backups that are interrupted, killed, or lose something under their hands."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.backups import SERVER, Archive, BackupRunner
from tests.support.cluster import Cluster, command_path
from tests.support.faults import kill_at_random, tmpfs, wait_for_file

pytestmark = pytest.mark.postgres

MIB = 1 << 20
IN_BACKUP = (
    "select count(*) from pg_stat_activity where application_name = 'cloudhoard-backup'"
)


@pytest.fixture
def archive(work_directory: Path, cluster: Cluster) -> Archive:
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])
    cluster.configure({"archive_command": archive.archive_command})
    return archive


@pytest.fixture
def runner(cluster: Cluster, archive: Archive) -> BackupRunner:
    return BackupRunner(cluster, archive)


def listed(cluster: Cluster, archive: Archive) -> str:
    return cluster.run([command_path("backup-list"), archive.url, SERVER]).stdout


def unfinished_uploads(archive: Archive) -> list[str]:
    return [str(path) for path in (archive.path / "base").rglob(".*")]


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def phase_begun(cluster: Cluster, query: str) -> Callable[[], bool]:
    return lambda: (
        cluster.value(
            "select count(*) from pg_stat_activity where"
            f" application_name = 'cloudhoard-backup' and state = 'active'"
            f" and query ~ '{query}'"
        )
        == "1"
    )


def end(
    process: subprocess.Popen[str], number: signal.Signals, *, within: float
) -> str:
    """Send the signal; return what the process says, which ends soon with code 1."""
    sent = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - sent < within
    assert process.returncode == 1, errors
    return errors


def assert_recorded_as_failed(cluster: Cluster, archive: Archive, because: str) -> None:
    info = archive.backup().info
    assert info["status"] == "FAILED"
    assert because in info["error"]
    assert "FAILED" in listed(cluster, archive)
    assert unfinished_uploads(archive) == []
    cluster.wait_for(IN_BACKUP, "0", 5)


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """Stop the backend of the backup, and the postmaster, which takes cancellations."""
    backend = cluster.value(
        "select pid from pg_stat_activity where application_name = 'cloudhoard-backup'"
    )
    pids = [backend, str(cluster.pid)]
    cluster.run(["kill", "-STOP", *pids])
    try:
        yield
    finally:
        cluster.run(["kill", "-CONT", *pids])


@pytest.fixture
def slow(make_cluster: MakeCluster, work_directory: Path) -> BackupRunner:
    """A backup that would wait for its checkpoint for most of an hour."""
    slow = {"checkpoint_timeout": "1h", "checkpoint_completion_target": "0.9"}
    cluster = make_cluster("slow", settings={"archive_mode": "on"} | slow)
    cluster.start()
    cluster.execute(
        "create table dirty as select repeat('x', 500) from generate_series(1, 20000)"
    )
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])
    return BackupRunner(cluster, archive, ())


def started(runner: BackupRunner) -> subprocess.Popen[str]:
    """Start the backup and return when the server is busy with its checkpoint."""
    process = runner.cluster.spawn(runner.argv())
    begun = phase_begun(runner.cluster, "start_backup|backup_start")
    wait_until(begun, "pg_backup_start")
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_the_checkpoint_is_spread_out(
    slow: BackupRunner, number: signal.Signals
) -> None:
    # A plain psycopg2 call would sit the checkpoint out.
    errors = end(started(slow), number, within=30)

    assert errors.splitlines()[-1].endswith(f"interrupted by {number.name}")
    because = "failure waiting for the checkpoint"
    assert_recorded_as_failed(slow.cluster, slow.archive, because)


def test_signal_while_the_server_is_frozen_in_its_checkpoint(
    slow: BackupRunner,
) -> None:
    # It answers neither the call nor its cancellation.
    process = started(slow)
    with frozen(slow.cluster):
        end(process, signal.SIGTERM, within=30)

    assert slow.archive.backup().info["status"] == "FAILED"
    if slow.cluster.programs.major >= 14:  # 13 sees only later that we have gone
        slow.cluster.wait_for(IN_BACKUP, "0", 15)


def test_signal_while_the_server_is_frozen_in_pg_backup_stop(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    process = cluster.spawn(runner.argv("--max-bandwidth", "3MB"))
    wait_until(lambda: bool(unfinished_uploads(archive)[2:]), "volumes on their way")
    with frozen(cluster):
        # Only the manifest is open: all files have been copied.
        wait_until(lambda: not unfinished_uploads(archive)[1:], "volumes stored")
        time.sleep(0.5)
        end(process, signal.SIGTERM, within=30)

    assert "failure stopping" in archive.backup().info["error"]
    cluster.wait_for(IN_BACKUP, "0", 15)


def test_signal_while_files_are_copied(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    process = cluster.spawn(runner.argv("--max-bandwidth", "200kB"))
    wait_until(lambda: bool(unfinished_uploads(archive)[2:]), "volumes on their way")

    end(process, signal.SIGTERM, within=30)

    assert_recorded_as_failed(cluster, archive, "failure copying files")
    names = archive.object_names(archive.backup_ids[0])
    assert [name for name in names if name.startswith("data")] == []


def test_signal_while_wal_is_waited_for(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    cluster.configure({"archive_command": "false"})
    process = cluster.spawn(runner.argv())
    wait_until(lambda: bool(archive.backup_ids), "a backup")
    volumes = archive.path / "base" / archive.backup_ids[0] / "volumes.json.zst"
    wait_for_file(volumes)
    time.sleep(0.5)

    end(process, signal.SIGINT, within=30)

    assert_recorded_as_failed(cluster, archive, "failure waiting for WAL")


def test_wal_that_does_not_arrive_fails_the_backup_and_says_what_is_wrong(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    cluster.configure({"archive_command": "echo no room >&2; false"})
    missing = cluster.switch_wal()
    cluster.wait_for("select failed_count > 0 from pg_stat_archiver", "t")

    ended = runner.attempt("--wal-timeout", "2")

    assert ended.returncode == 1
    warning, error, hint = ended.stderr.splitlines()
    assert "archive_command fails at the moment" in warning
    info = archive.backup().info
    assert f"{info['begin_wal']}, which the backup needs, is not in" in error
    assert f"last failure: {missing}" in error
    assert "archive_command" in hint
    assert_recorded_as_failed(cluster, archive, "failure waiting for WAL")


def test_connection_that_is_lost_ends_the_backup_early(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    # Without its session the server is out of backup mode: the copy is worthless.
    options = ("--max-bandwidth", "200kB", "--keepalive-interval", "1")
    process = cluster.spawn(runner.argv(*options))
    wait_until(lambda: bool(unfinished_uploads(archive)[2:]), "volumes on their way")
    cluster.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'cloudhoard-backup'"
    )

    _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "PostgreSQL" in errors
    assert_recorded_as_failed(cluster, archive, "failure copying files")


@pytest.mark.parametrize("seed", range(8))
def test_kill_at_any_moment_leaves_nothing_to_trip_over(
    cluster: Cluster, archive: Archive, runner: BackupRunner, seed: int
) -> None:
    process = cluster.spawn(
        runner.argv("--max-bandwidth", "8MB"), start_new_session=True
    )
    kill_at_random(process, within=1.5, seed=seed)
    cluster.wait_for(IN_BACKUP, "0", 10)
    process.communicate()
    killed = archive.backup_ids

    if archive.path.exists():
        listed(cluster, archive)
    done = runner.take()

    assert done.info["status"] == "DONE"
    assert unfinished_uploads(archive) == []
    for backup_id in killed:
        if "backup.info" not in archive.object_names(backup_id):
            assert "UNFINISHED" in listed(cluster, archive)


def test_unreadable_file_is_fatal(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    closed = cluster.data_directory / "server.key"
    cluster.run(["install", "-m", "0", "/dev/null", str(closed)])

    ended = runner.attempt()

    assert ended.returncode == 1
    assert f"cannot read {closed}: Permission denied" in ended.stderr
    assert_recorded_as_failed(cluster, archive, "failure copying files")


def test_unreadable_directory_is_fatal(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    closed = cluster.data_directory / "lost+found"
    cluster.run(["mkdir", "-m", "0", str(closed)])

    ended = runner.attempt()

    assert ended.returncode == 1
    assert f"cannot read {closed}: Permission denied" in ended.stderr
    assert_recorded_as_failed(cluster, archive, "failure copying files")


def test_tables_that_come_and_go_do_not_disturb_a_backup(
    cluster: Cluster, runner: BackupRunner, work_directory: Path
) -> None:
    churn = work_directory / "churn.sql"
    churn.write_text(
        "create table c:client_id as select generate_series(1, 5000) n;\n"
        "truncate c:client_id;\n"
        "drop table c:client_id;\n"
    )
    pgbench = [cluster.programs.path("pgbench"), "-n", "-c", "3", "-T", "60"]
    load = cluster.spawn([*pgbench, "-f", str(churn)])
    try:
        backup = runner.take("--max-bandwidth", "4MB", "--volume-size", "1MB")
    finally:
        load.terminate()
        load.communicate()

    target = work_directory / "restored"
    backup.unpack(cluster, target)
    verifier = cluster.programs.path("pg_verifybackup")
    cluster.run([verifier, "-n", str(target)])


def test_archive_without_room_fails_the_backup_and_keeps_nothing_half(
    cluster: Cluster, work_directory: Path
) -> None:
    place = work_directory / "small"
    with tmpfs(place, size=2 * MIB):
        cluster.os_user.give(place)
        archive = Archive(place)
        runner = BackupRunner(cluster, archive)

        ended = runner.attempt("--compression", "none")

        assert ended.returncode == 4, ended.stderr
        assert "no space left" in ended.stderr.lower()
        assert unfinished_uploads(archive) == []


def test_archive_that_is_unmounted_half_way_fails_the_backup(
    cluster: Cluster, work_directory: Path
) -> None:
    place = work_directory / "mounted"
    with tmpfs(place, size=64 * MIB):
        cluster.os_user.give(place)
        archive = Archive(place)
        process = cluster.spawn(
            BackupRunner(cluster, archive).argv("--max-bandwidth", "1MB")
        )
        wait_until(lambda: bool(unfinished_uploads(archive)), "volumes on their way")
        subprocess.run(["umount", "--lazy", str(place)], check=True)

        _, errors = process.communicate(timeout=60)

    assert process.returncode == 2, errors
    assert list(place.iterdir()) == []
