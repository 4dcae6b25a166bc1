"""The main job on a real server: archive under load, back up, lose it, restore it."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.seaweedfs import WRITER, seaweedfs_endpoint
from tests.support.cluster import Cluster
from tests.support.programs import command_path
from tests.support.s3_store import Bucket, credentials

pytestmark = pytest.mark.postgres

SERVER = "main"


@dataclass(frozen=True, slots=True)
class Archive:
    """Where the cluster archives to, and the options that go with it."""

    url: str
    options: list[str]
    writing: list[str]
    reading: list[str]


def succeed(cluster: Cluster, argv: Sequence[str]) -> str:
    """Run argv beside the server and return its stdout; it has to succeed."""
    output: str = cluster.run(argv).stdout
    return output


@pytest.fixture(autouse=True)
def credentials_of_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the servers, and the commands that they call, use the test's bucket."""
    for name, value in credentials(WRITER).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["file", "s3"])
def place(
    request: pytest.FixtureRequest, cluster: Cluster, work_directory: Path
) -> tuple[str, list[str]]:
    """The URL of an empty place for archives, and the options to reach it."""
    if request.param == "s3":
        bucket = Bucket(seaweedfs_endpoint(), WRITER)
        return f"s3://{bucket.name}/pg", ["--endpoint-url", bucket.endpoint]
    root = work_directory / "archive"
    succeed(cluster, ["mkdir", str(root)])
    return f"file://{root}", []


@pytest.fixture(params=["plain", "encrypted and signed"])
def archive(
    request: pytest.FixtureRequest,
    place: tuple[str, list[str]],
    cluster: Cluster,
    work_directory: Path,
) -> Archive:
    url, options = place
    if request.param == "plain":
        return Archive(url, options, options, options)
    keys = work_directory / "keys"
    create = [command_path("create-keys"), "--key-id", "ops"]
    succeed(cluster, ["mkdir", str(keys)])
    succeed(cluster, [*create, "--output-dir", str(keys)])
    return Archive(
        url,
        options,
        [
            *options,
            *("--public-key", str(keys / "ops.public.pem")),
            *("--signing-key", str(keys / "ops.signing.pem")),
        ],
        [
            *options,
            *("--private-key", str(keys / "ops.private.pem")),
            *("--trusted-signer", str(keys / "ops.signing.public.pem")),
        ],
    )


@pytest.fixture
def archiving(cluster: Cluster, archive: Archive) -> Cluster:
    words = [command_path("wal-archive"), *archive.writing, archive.url, SERVER, "%p"]
    cluster.configure({"archive_command": " ".join(words)})
    return cluster


def make_tablespaces(cluster: Cluster, work_directory: Path) -> dict[str, Path]:
    places = {name: work_directory / name for name in ("fast", "slow")}
    for name, place in places.items():
        succeed(cluster, ["mkdir", str(place)])
        cluster.execute(f"CREATE TABLESPACE {name} LOCATION '{place}'")
        cluster.execute(f"CREATE TABLE in_{name} (n int) TABLESPACE {name}")
        cluster.execute(f"INSERT INTO in_{name} SELECT generate_series(1, 20000)")
    return places


def take_backup_under_load(cluster: Cluster, archive: Archive) -> None:
    load = cluster.spawn(
        [cluster.programs.path("pgbench"), "-n", "-c", "2", "-T", "600", "-R", "300"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        succeed(
            cluster,
            [
                *(command_path("backup"), "--jobs", "2", "--immediate-checkpoint"),
                *("--name", "nightly", "--volume-size", "16MB"),
                *(*archive.writing, archive.url, SERVER),
            ],
        )
        time.sleep(1)
        assert load.poll() is None, "the load did not last as long as the backup"
    finally:
        load.terminate()
        load.wait()


def counts(cluster: Cluster) -> list[tuple[str, ...]]:
    return cluster.sql(
        "SELECT (SELECT count(*) FROM pgbench_history),"
        " (SELECT sum(abalance) FROM pgbench_accounts),"
        " (SELECT count(*) FROM in_fast), (SELECT count(*) FROM in_slow)"
    )


def restore(
    cluster: Cluster, archive: Archive, target: Path, options: Sequence[str]
) -> None:
    succeed(
        cluster,
        [
            *(command_path("restore"), "--jobs", "2", *options, *archive.reading),
            *(archive.url, SERVER, "nightly", str(target)),
        ],
    )


def put_needed_wal(cluster: Cluster, archive: Archive, target: Path) -> None:
    """Fetch the backup's WAL to where pg_verifybackup wants to read it."""
    show = [command_path("backup-show"), "--format", "json"]
    show += [*archive.options, archive.url, SERVER]
    (backup,) = json.loads(succeed(cluster, [*show, "nightly"])).values()
    first, last = (int(backup[key][8:], 16) for key in ("begin_wal", "end_wal"))
    # With segments of 16 MiB a name's last 8 digits count to FF only.
    numbers = [n for n in range(first, last + 1) if n & 0xFFFFFFFF <= 0xFF]
    for name in (f"{backup['begin_wal'][:8]}{number:016X}" for number in numbers):
        fetch = [command_path("wal-restore"), *archive.reading, archive.url, SERVER]
        succeed(cluster, [*fetch, name, str(target / "pg_wal" / name)])


def verify(cluster: Cluster, target: Path, *options: str) -> None:
    program = cluster.programs.path("pg_verifybackup")
    succeed(cluster, [program, *options, str(target)])


def test_a_lost_cluster_comes_back_at_the_chosen_moment(
    archiving: Cluster,
    archive: Archive,
    work_directory: Path,
    adopt_cluster: Callable[[str, Path], Cluster],
) -> None:
    cluster = archiving
    succeed(cluster, [cluster.programs.path("pgbench"), "-q", "-i", "-s", "5"])
    places = make_tablespaces(cluster, work_directory)
    take_backup_under_load(cluster, archive)
    expected = counts(cluster)
    moment = cluster.value("SELECT clock_timestamp()")
    time.sleep(0.1)
    cluster.execute("DELETE FROM pgbench_history; DROP TABLE in_slow")
    cluster.wait_until_archived(cluster.switch_wal())

    cluster.kill()
    # The restore is run from where the lost data directory was.
    for place in (*cluster.data_directory.iterdir(), *places.values()):
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    target = work_directory / "restored"
    restore(
        cluster,
        archive,
        target,
        [
            *("--target-time", moment, "--target-action", "promote"),
            *("--tablespace", f"fast:{work_directory / 'fast2'}"),
            *("--tablespace", f"slow:{work_directory / 'slow2'}"),
        ],
    )

    verify(cluster, target, "-n")
    put_needed_wal(cluster, archive, target)
    verify(cluster, target)
    revived = adopt_cluster("revived", target)
    revived.start()
    revived.wait_for("SELECT pg_is_in_recovery()", "f", 60)
    assert counts(revived) == expected
    amcheck = ["--install-missing", "--heapallindexed", "--all"]
    succeed(revived, [revived.programs.path("pg_amcheck"), *amcheck])
