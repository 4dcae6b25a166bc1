"""Everything killed at random, over and over, under load; then nothing is missing."""

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.backups import SERVER, Archive, BackupRunner
from tests.support.cluster import Cluster, command_path
from tests.support.faults import kill_at_random

pytestmark = [pytest.mark.postgres, pytest.mark.soak]

ROUNDS = 50


@contextmanager
def load(cluster: Cluster) -> Iterator[None]:
    """Insert rows, one transaction each, for the length of the block."""
    script = cluster.directory / "insert.sql"
    script.write_text("insert into log values (default, repeat('x', 5000));\n")
    pgbench = [cluster.programs.path("pgbench"), "-n", "-c", "2", "-T", "3600"]
    process = cluster.spawn(
        [*pgbench, "-f", str(script)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def kill_the_archiver(cluster: Cluster, luck: random.Random) -> None:
    """End whatever archive_command is running at some moment within a second."""
    time.sleep(luck.uniform(0, 1))
    cluster.run(["pkill", "-KILL", "-f", "cloudhoard-wal-archive.*%p"], check=False)
    cluster.run(["pkill", "-KILL", "-f", "bin/cloudhoard-wal-archive"], check=False)


def test_nothing_is_lost_and_nothing_is_in_the_way(
    cluster: Cluster,
    work_directory: Path,
    adopt_cluster: Callable[[str, Path], Cluster],
) -> None:
    luck = random.Random(1)  # noqa: S311 - repeatable
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])
    cluster.configure({"archive_command": archive.archive_command})
    cluster.execute("create table log (n bigserial, filler text)")
    runner = BackupRunner(cluster, archive)
    target = work_directory / "restored"
    restore = [command_path("restore"), archive.url, SERVER, "latest", str(target)]

    with load(cluster):
        runner.take()
        for seed in range(ROUNDS):
            kill_the_archiver(cluster, luck)
            backup = cluster.spawn(runner.argv(), start_new_session=True)
            kill_at_random(backup, within=3, seed=seed)
            backup.communicate()
            killed = cluster.spawn(restore, start_new_session=True)
            kill_at_random(killed, within=1, seed=seed)
            killed.communicate()
            if (target / "global" / "pg_control").exists():
                cluster.run(["rm", "-r", str(target)])
        runner.take()
    expected = cluster.sql("select count(*), max(n) from log")
    cluster.wait_until_archived(cluster.switch_wal(), timeout=600)
    cluster.stop()

    cluster.run(restore)
    restored = adopt_cluster("restored", target)
    restored.start()
    restored.wait_for("select pg_is_in_recovery()", "f", 600)
    assert restored.sql("select count(*), max(n) from log") == expected
