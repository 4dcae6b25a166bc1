"""Backups into a bucket that are killed, or asked to end, in the middle of a volume."""

import json
import signal
from typing import Any

import pytest

from tests.conftest import MakeCluster
from tests.support.cluster import Cluster
from tests.support.processes import wait_until
from tests.support.s3_archiving import archiving_cluster
from tests.support.s3_commands import S3Commands

pytestmark = pytest.mark.postgres

IN_PARTS = ["--immediate-checkpoint", "--compression", "none", "--jobs", "1"]
A_PART = "^PUT .*/data.tar.*partNumber="
IN_BACKUP = (
    "select count(*) from pg_stat_activity where application_name = 'cloudhoard-backup'"
)


@pytest.fixture
def cluster(
    s3: S3Commands, make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> Cluster:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return archiving_cluster(make_cluster, s3)


def listed(cluster: Cluster, s3: S3Commands) -> list[dict[str, Any]]:
    output = cluster.run(s3.argv("backup-list", options=["--format", "json"])).stdout
    return list(json.loads(output)["backups_list"])


def test_killed_backup_is_listed_as_what_it_is_and_the_next_one_works(
    s3: S3Commands, cluster: Cluster
) -> None:
    with s3.proxy.held(A_PART, passing=1) as gate:
        process = cluster.spawn(s3.argv("backup", options=IN_PARTS))
        gate.wait_for()
        process.kill()
        process.communicate()

    (dead,) = listed(cluster, s3)
    assert dead["status"] == "UNFINISHED"
    names = [key.split("/")[2] for key in s3.stored() if key.startswith("base/")]
    assert names == ["started.json"]
    cluster.wait_for(IN_BACKUP, "0")

    cluster.run(s3.argv("backup", options=IN_PARTS))

    backups = listed(cluster, s3)
    assert [each["status"] for each in backups] == ["UNFINISHED", "DONE"]
    # Nobody can know yet that the first is dead: a later backup drops it.
    left = s3.bucket.client.list_multipart_uploads(Bucket=s3.bucket.name)["Uploads"]
    assert {upload["Key"].split("/")[3] for upload in left} == {dead["backup_id"]}


def test_signal_aborts_the_upload_and_the_backup_is_recorded_as_failed(
    s3: S3Commands, cluster: Cluster
) -> None:
    with s3.proxy.held(A_PART) as gate:
        process = cluster.spawn(s3.argv("backup", options=IN_PARTS))
        gate.wait_for(3)  # all there are
        process.send_signal(signal.SIGTERM)
        # The volume's thread waits for its parts, and does not see the signal.
        wait_until(lambda: s3.bucket.uploads("") == [], "the upload is aborted")
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert errors.splitlines()[-1].endswith("interrupted by SIGTERM")
    assert s3.bucket.uploads("") == []
    (failed,) = listed(cluster, s3)
    assert failed["status"] == "FAILED"
    cluster.wait_for(IN_BACKUP, "0")
