"""The cluster that other tests stand on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.cluster import Cluster, ServerEnded

pytestmark = pytest.mark.postgres


def test_cluster_answers_and_runs_programs_as_the_server_s_user(
    cluster: Cluster,
) -> None:
    who = cluster.run(["id", "-u"])

    assert cluster.value("select 1 + 1") == "2"
    assert who.stdout.strip() == str(cluster.data_directory.stat().st_uid)


def test_cluster_archives_with_the_command_it_was_given(
    cluster: Cluster, work_directory: Path
) -> None:
    archive = cluster.os_user.give(_made(work_directory / "archive"))
    cluster.configure({"archive_command": f"cp %p {archive}/%f"})

    segment = cluster.switch_wal()
    cluster.wait_until_archived(segment)

    assert [path.name for path in archive.iterdir()] == [segment]


def test_killed_cluster_starts_again_with_what_was_committed(cluster: Cluster) -> None:
    cluster.execute("create table kept as select 7 as number")

    cluster.kill()
    assert not cluster.is_running
    cluster.start()

    assert cluster.sql("select number from kept") == [("7",)]


def test_copied_data_directory_runs_beside_its_original(
    cluster: Cluster, adopt_cluster: Callable[[str, Path], Cluster]
) -> None:
    cluster.stop()
    copy = cluster.directory.parent / "copy"
    cluster.run(["cp", "-a", ".", str(copy)])
    cluster.start()

    twin = adopt_cluster("twin", copy)
    twin.start()

    assert twin.value("show data_directory") == str(copy)
    assert cluster.value("show data_directory") == str(cluster.data_directory)


def test_server_that_cannot_start_shows_its_log(cluster: Cluster) -> None:
    cluster.stop()
    cluster.configure({"shared_buffers": "much"})

    with pytest.raises(ServerEnded, match="shared_buffers"):
        cluster.start()


def test_clusters_share_their_identifier_unless_asked_for_their_own(
    make_cluster: MakeCluster,
) -> None:
    clusters = [
        make_cluster("one"),
        make_cluster("two"),
        make_cluster("stranger", own_identifier=True, segment_size=1 << 20),
    ]
    for made in clusters:
        made.start()

    query = "select system_identifier from pg_control_system()"
    one, two, stranger = (made.value(query) for made in clusters)

    assert one == two != stranger
    assert clusters[2].value("show wal_segment_size") == "1MB"


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory
