"""What backup and restore ask: a fixed number, and so many for each volume."""

from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.cluster import Cluster
from tests.support.exchanges import Exchange, calls
from tests.support.s3_archiving import archiving_cluster
from tests.support.s3_commands import S3Commands

pytestmark = pytest.mark.postgres

MIB = 1 << 20
PART = 8 * MIB


@pytest.fixture
def cluster(
    s3: S3Commands, make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> Cluster:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    cluster = archiving_cluster(make_cluster, s3)
    cluster.wait_until_archived(cluster.switch_wal())
    return cluster


def back_up(cluster: Cluster, s3: S3Commands, *options: str) -> list[Exchange]:
    """Take a backup; return what it asked but its waiting for WAL."""
    s3.proxy.taken()
    cluster.run(s3.argv("backup", options=["--immediate-checkpoint", *options]))
    return [
        each
        for each in s3.proxy.taken()
        if "/wals/" not in each.query.get("prefix", each.path)
    ]


def objects(s3: S3Commands) -> list[str]:
    """Return the names of the only backup's objects."""
    return [key.split("/")[2] for key in s3.stored() if key.startswith("base/")]


def test_backup_asks_twice_for_each_volume(cluster: Cluster, s3: S3Commands) -> None:
    asked = back_up(cluster, s3, "--volume-size", "16MB")

    stored = objects(s3)
    assert len([name for name in stored if name.startswith("data")]) > 2
    # Whose archive it is; what backups there are, and whether all objects are there.
    assert calls(asked) == {
        "GET": 1,
        "LIST": 2,
        "HEAD": len(stored),
        "PUT": len(stored),
    }
    assert {each.status for each in asked if each.call == "HEAD"} == {404}


def test_nothing_is_stored_twice(cluster: Cluster, s3: S3Commands) -> None:
    for _ in range(2):
        stored = [each.path for each in back_up(cluster, s3) if each.call == "PUT"]

        assert len(stored) == len(set(stored))


def test_large_volume_is_a_request_for_each_part(
    cluster: Cluster, s3: S3Commands
) -> None:
    cluster.execute(
        "create table large as select repeat('x', 900) from generate_series(1, 30000)"
    )

    asked = back_up(cluster, s3, "--compression", "none", "--jobs", "1")

    large = [each for each in asked if each.path.endswith("/data.tar")]
    parts = [each for each in large if each.call == "PART"]
    assert len(parts) > 4
    assert [each.sent for each in parts].count(PART) == len(parts) - 1
    # A look before it begins, and one before it is committed.
    assert calls(large) == {
        "HEAD": 2,
        "BEGIN": 1,
        "PART": len(parts),
        "COMPLETE": 1,
    }
    # What a killed command left under the name.
    uploads = [each for each in asked if each.call == "LIST-UPLOADS"]
    assert [each.query["prefix"].rpartition("/")[2] for each in uploads] == ["data.tar"]


def test_restore_fetches_every_object_once(
    cluster: Cluster, s3: S3Commands, work_directory: Path
) -> None:
    back_up(cluster, s3, "--volume-size", "16MB")
    stored = objects(s3)
    backup_id = s3.stored()[0].split("/")[1]
    s3.proxy.taken()

    target = work_directory / "restored"
    cluster.run(s3.argv("restore", backup_id, target), cwd=work_directory)

    asked = s3.proxy.taken()
    # backup.info is read by who chooses the backup and by who restores it, and
    # started.json by nobody.
    fetched = [each.path.rpartition("/")[2] for each in asked if each.call == "GET"]
    expected = {*stored} - {"started.json"}
    assert sorted(fetched) == sorted([*expected, "backup.info"])
    # The directory, twice, and whether there is a later timeline.
    assert calls(asked) == {"LIST": 3, "GET": len(fetched)}
