"""Every compression on a real server, from archive_command to the restored rows."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudhoard.codec.algorithms import ALGORITHMS
from tests.support.cluster import Cluster
from tests.support.compressed_objects import IN_MEMBERS
from tests.support.programs import command_path

pytestmark = pytest.mark.postgres

SERVER = "main"
AdoptCluster = Callable[[str, Path], Cluster]


def archive_with(cluster: Cluster, url: str, *options: str) -> None:
    words = [command_path("wal-archive"), *options, url, SERVER, "%p"]
    cluster.configure({"archive_command": " ".join(words)})


def back_up(cluster: Cluster, url: str, *options: str) -> None:
    program = command_path("backup")
    cluster.run([program, "--immediate-checkpoint", *options, url, SERVER])


def restored_rows(
    cluster: Cluster, url: str, target: Path, adopt_cluster: AdoptCluster
) -> list[str]:
    restore = [command_path("restore"), url, SERVER, "latest", str(target)]
    cluster.run(restore, cwd=target.parent)
    verify = cluster.programs.path("pg_verifybackup")
    cluster.run([verify, "-n", str(target)], cwd=target.parent)
    restored = adopt_cluster("restored", target)
    restored.start()
    restored.wait_for("SELECT pg_is_in_recovery()", "f", 60)
    return [n for (n,) in restored.sql("SELECT name FROM done ORDER BY name")]


@pytest.fixture
def url(cluster: Cluster, work_directory: Path) -> str:
    cluster.run(["mkdir", str(work_directory / "archive")])
    cluster.execute("CREATE TABLE done (name text)")
    return f"file://{work_directory}/archive"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_backup_and_wal_come_back(
    name: str,
    url: str,
    cluster: Cluster,
    work_directory: Path,
    adopt_cluster: AdoptCluster,
) -> None:
    option = f"--compression={name}"
    archive_with(cluster, url, option)
    cluster.execute("INSERT INTO done VALUES ('before')")
    back_up(cluster, url, option, "--volume-size", "16MB")
    cluster.execute("INSERT INTO done VALUES ('behind')")
    cluster.wait_until_archived(cluster.switch_wal())

    stored = [path.name for path in (work_directory / "archive").rglob("data*.tar*")]
    assert len(stored) > 1
    assert {name.partition(".tar")[2] for name in stored} == {
        ALGORITHMS[name].extension
    }
    rows = restored_rows(cluster, url, work_directory / "target", adopt_cluster)
    assert rows == ["before", "behind"]
    check_volumes_with_the_program(name, work_directory / "archive")


def check_volumes_with_the_program(name: str, archive: Path) -> None:
    """Whoever restores by hand has tar and the compression's own program."""
    if name not in {*IN_MEMBERS, "zstd"}:
        return
    for volume in archive.rglob("data*.tar*"):
        plain = subprocess.run([name, "-dc", volume], check=True, capture_output=True)
        listed = subprocess.run(
            ["tar", "-t"], input=plain.stdout, check=True, capture_output=True
        )
        assert listed.stdout


def test_archive_of_all_compressions_restores_without_an_option(
    url: str, cluster: Cluster, work_directory: Path, adopt_cluster: AdoptCluster
) -> None:
    archive_with(cluster, url, "--zstd")
    back_up(cluster, url, "--lz4")
    for name in ALGORITHMS:
        archive_with(cluster, url, f"--compression={name}")
        cluster.execute(f"INSERT INTO done VALUES ('{name}')")
        cluster.wait_until_archived(cluster.switch_wal())

    stored = [path.suffix for path in (work_directory / "archive").rglob("wals/*/*")]
    extensions = {algorithm.extension for algorithm in ALGORITHMS.values()}
    assert extensions <= {*stored}
    rows = restored_rows(cluster, url, work_directory / "target", adopt_cluster)
    assert rows == sorted(ALGORITHMS)
