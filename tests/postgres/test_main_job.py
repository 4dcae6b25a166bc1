"""The main job on a real server: archive under load, back up, lose it, restore it."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.ceph import ceph_endpoint
from tests.services.juicefs import juicefs_endpoint
from tests.services.seaweedfs import ADMIN, WRITER, seaweedfs_endpoint
from tests.support.cluster import Cluster
from tests.support.programs import command_path
from tests.support.s3_store import Bucket, credentials

pytestmark = pytest.mark.postgres

SERVER = "main"


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the ways in which the job is done; not all combinations are run."""

    store: str
    is_encrypted: bool
    compression: str | None = None
    """None: the default."""
    scale: int = 5
    """Of pgbench; less where compressing takes long."""

    def __str__(self) -> str:
        kind = "encrypted and signed" if self.is_encrypted else "plain"
        return f"{self.store}, {kind}, {self.compression or 'default'}"


CELLS = [
    Cell("file", is_encrypted=False),
    Cell("file", is_encrypted=True),
    Cell("SeaweedFS", is_encrypted=False),
    Cell("SeaweedFS", is_encrypted=True, compression="lz4"),
    Cell("SeaweedFS", is_encrypted=True, compression="xz:1", scale=1),
    Cell("Ceph", is_encrypted=False, compression="none"),
    Cell("Ceph", is_encrypted=False, compression="bzip2:1", scale=1),
    Cell("Ceph", is_encrypted=True, compression="gzip:1", scale=1),
    Cell("Ceph", is_encrypted=True, compression="zstd:3"),
    Cell("JuiceFS", is_encrypted=True, compression="snappy"),
]

STORES: dict[str, tuple[Callable[[], str], tuple[str, str]]] = {
    "SeaweedFS": (seaweedfs_endpoint, WRITER),
    "Ceph": (ceph_endpoint, WRITER),
    "JuiceFS": (juicefs_endpoint, ADMIN),
}


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


@pytest.fixture(params=CELLS, ids=str)
def cell(request: pytest.FixtureRequest) -> Cell:
    found: Cell = request.param
    return found


@pytest.fixture(autouse=True)  # before the server is started, which inherits it
def bucket(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> Bucket | None:
    """An empty bucket that the server, and the commands it calls, can use."""
    if cell.store not in STORES:
        return None
    endpoint, user = STORES[cell.store]
    for name, value in credentials(user).items():
        monkeypatch.setenv(name, value)
    return Bucket(endpoint(), user)


@pytest.fixture
def place(
    bucket: Bucket | None, cluster: Cluster, work_directory: Path
) -> tuple[str, list[str]]:
    """The URL of an empty place for archives, and the options to reach it."""
    if bucket is not None:
        return f"s3://{bucket.name}/pg", ["--endpoint-url", bucket.endpoint]
    root = work_directory / "archive"
    succeed(cluster, ["mkdir", str(root)])
    return f"file://{root}", []


@pytest.fixture
def archive(
    cell: Cell, place: tuple[str, list[str]], cluster: Cluster, work_directory: Path
) -> Archive:
    url, options = place
    compression = ["--compression", cell.compression] if cell.compression else []
    if not cell.is_encrypted:
        return Archive(url, options, [*options, *compression], options)
    keys = work_directory / "keys"
    create = [command_path("create-keys"), "--key-id", "ops"]
    succeed(cluster, ["mkdir", str(keys)])
    succeed(cluster, [*create, "--output-dir", str(keys)])
    return Archive(
        url,
        options,
        [
            *(*options, *compression),
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
    cell: Cell,
    archive: Archive,
    work_directory: Path,
    adopt_cluster: Callable[[str, Path], Cluster],
) -> None:
    cluster = archiving
    succeed(
        cluster, [cluster.programs.path("pgbench"), "-q", "-i", "-s", str(cell.scale)]
    )
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
