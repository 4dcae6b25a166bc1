"""A whole life of a cluster whose command lines name a site and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.cluster import Cluster
from tests.support.programs import command_path

pytestmark = pytest.mark.postgres


def test_cluster_is_archived_and_restored_by_the_name_of_its_site(
    make_cluster: MakeCluster,
    adopt_cluster: Callable[[str, Path], Cluster],
    work_directory: Path,
) -> None:
    cluster = make_cluster()
    cluster.run(["mkdir", str(work_directory / "archive")])
    file = work_directory / "cloudhoard.toml"
    file.write_text(
        "[defaults]\ncompression = 'gzip:1'\nimmediate-checkpoint = true\n"
        f"[site.here]\nurl = 'file://{work_directory}/archive'\nserver-name = 'main'\n"
    )
    file.chmod(0o644)
    site = ["--config", str(file), "--site", "here"]
    words = [command_path("wal-archive"), *site, "%p"]
    cluster.configure({"archive_mode": "on", "archive_command": " ".join(words)})
    cluster.start()
    cluster.execute("CREATE TABLE t AS SELECT 1 AS id")
    cluster.run([command_path("backup"), *site])
    cluster.execute("INSERT INTO t VALUES (2)")
    segment = cluster.switch_wal()
    cluster.wait_until_archived(segment)
    wals = work_directory / "archive" / "main" / "wals"
    assert [path.suffix for path in wals.rglob(f"{segment}*")] == [".gz"]

    target = work_directory / "restored"
    cluster.run([command_path("restore"), *site, "auto", str(target)])
    file.unlink()  # the restored server has no need of it
    cluster.stop("immediate")
    restored = adopt_cluster("restored", target)
    restored.start()

    restored.wait_for("SELECT pg_is_in_recovery()", "f", 60)
    assert restored.sql("SELECT count(*) FROM t") == [("2",)]
