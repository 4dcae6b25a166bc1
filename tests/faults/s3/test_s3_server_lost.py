"""A store that crashes in the middle of a command, and is back some time later."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding
from tests.conftest import MakeCluster
from tests.services.own import OwnServer
from tests.services.seaweedfs import WRITER, own_seaweedfs
from tests.support.cluster import Cluster
from tests.support.exchanges import calls
from tests.support.fault_proxy import FaultProxy
from tests.support.s3_archiving import archiving_cluster
from tests.support.s3_commands import SERVER, S3Commands
from tests.support.s3_store import Bucket
from tests.support.stored_backup import (
    BACKUP_ID,
    HandMadeBackup,
    Volume,
    first_volume,
    last_volume,
)
from tests.support.wal_files import FIRST, FIRST_KEY, IDENTITY, DataDirectory

MIB: Final = 1 << 20
IN_PARTS: Final = ["--compression", "none"]
A_PART: Final = "^PUT .*partNumber="


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_seaweedfs(tmp_path_factory.mktemp("own") / "seaweedfs") as server:
        yield server


@pytest.fixture
def s3(server: OwnServer) -> Iterator[S3Commands]:
    bucket = Bucket(server.endpoint, WRITER)
    with FaultProxy(bucket.endpoint) as proxy:
        yield S3Commands(bucket, proxy)


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    return DataDirectory(tmp_path / "data", segment_size=128 * MIB).segment(FIRST)


def assert_archived_now(s3: S3Commands, segment: Path) -> None:
    archived = s3.attempt("wal-archive", segment, options=IN_PARTS)

    assert archived.returncode == 0, archived.stderr
    assert s3.stored() == [IDENTITY, FIRST_KEY]
    assert s3.bucket.uploads("") == []
    copy = segment.with_name("copy")
    assert s3.attempt("wal-restore", FIRST, copy).returncode == 0
    assert copy.read_bytes() == segment.read_bytes()


def test_segment_is_not_archived_by_a_store_that_is_gone(
    server: OwnServer, s3: S3Commands, segment: Path
) -> None:
    with s3.proxy.held(A_PART, after=MIB, passing=2) as gate:
        process = s3.spawn("wal-archive", segment, options=IN_PARTS)
        gate.wait_for()
        server.kill()
    _, errors = process.communicate(timeout=120)
    server.start()

    assert process.returncode == 2, errors
    assert s3.stored() == [IDENTITY]
    assert_archived_now(s3, segment)


def test_segment_is_archived_when_the_store_is_back_before_the_commit(
    server: OwnServer, s3: S3Commands, segment: Path
) -> None:
    with s3.proxy.held("^POST .*uploadId=") as gate:
        process = s3.spawn("wal-archive", segment, options=IN_PARTS)
        gate.wait_for()
        server.kill()
        server.start()
    _, errors = process.communicate(timeout=120)

    assert process.returncode in {0, 2}, errors
    assert (FIRST_KEY in s3.stored()) == (process.returncode == 0)
    assert_archived_now(s3, segment)


@pytest.mark.postgres
def test_backup_fails_and_the_next_one_works(
    server: OwnServer,
    s3: S3Commands,
    make_cluster: MakeCluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    cluster: Cluster = archiving_cluster(make_cluster, s3)
    options = ["--immediate-checkpoint", *IN_PARTS]
    with s3.proxy.held(A_PART, after=MIB) as gate:
        process = cluster.spawn(s3.argv("backup", options=options))
        gate.wait_for()
        server.kill()
    _, errors = process.communicate(timeout=120)
    server.start()

    assert process.returncode == 2, errors
    assert not any(key.endswith("/backup.info") for key in s3.stored())
    cluster.run(s3.argv("backup", options=options))
    statuses = cluster.run(s3.argv("backup-list")).stdout
    assert statuses.count("DONE") == 1


@pytest.fixture
def backup(s3: S3Commands) -> dict[str, bytes]:
    """The files of a backup in the bucket whose second volume takes its time."""
    files = {b"base/5/%d" % n: random.Random(n).randbytes(4 * MIB) for n in range(4)}  # noqa: S311
    backup = HandMadeBackup(
        volumes=[first_volume(), Volume.of(files), last_volume()],
        encoding=Encoding(Compression("none", 0)),
    )
    backup.store(s3.bucket.open(f"pg/{SERVER}"))
    return {name.decode(): content for name, content in files.items()}


def restored(target: Path, backup: dict[str, bytes]) -> bool:
    return (target / "global/pg_control").exists() and all(
        (target / name).read_bytes() == content for name, content in backup.items()
    )


def test_restore_goes_on_when_the_store_is_back(
    server: OwnServer, s3: S3Commands, backup: dict[str, bytes], tmp_path: Path
) -> None:
    target = tmp_path / "restored"
    with s3.proxy.held("^GET .*/data_0001.tar", "answer", after=MIB) as gate:
        # One job: another might ask, and give up, while nobody is there.
        process = s3.spawn("restore", BACKUP_ID, target, options=["--jobs", "1"])
        gate.wait_for()
        server.kill()
        server.start()
    _, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert restored(target, backup)
    volume = [e for e in s3.proxy.taken() if e.path.endswith("/data_0001.tar")]
    assert calls(volume)["GET"] > 1


def test_restore_fails_when_the_store_is_gone_and_works_when_run_again(
    server: OwnServer, s3: S3Commands, backup: dict[str, bytes], tmp_path: Path
) -> None:
    target = tmp_path / "restored"
    with s3.proxy.held("^GET .*/data_0001.tar", "answer", after=MIB) as gate:
        process = s3.spawn("restore", BACKUP_ID, target)
        gate.wait_for()
        server.kill()
    _, errors = process.communicate(timeout=120)
    server.start()

    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    assert not (target / "global/pg_control").exists()
    again = s3.attempt("restore", BACKUP_ID, target)
    assert again.returncode == 0, again.stderr
    assert restored(target, backup)
