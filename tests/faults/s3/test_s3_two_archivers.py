"""Two servers that archive the same segment, as standbys with archive_mode=always."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.services.juicefs import juicefs_endpoint
from tests.services.seaweedfs import ADMIN, WRITER, seaweedfs_endpoint
from tests.support.fault_proxy import FaultProxy
from tests.support.s3_commands import S3Commands
from tests.support.s3_store import Bucket
from tests.support.wal_files import (
    FIRST,
    IDENTITY,
    SECOND,
    DataDirectory,
    segment_bytes,
)

A_SEGMENT: Final = "^PUT .*/wals/"


@pytest.fixture(params=["conditions honoured", "conditions ignored"])
def s3(request: pytest.FixtureRequest) -> Iterator[S3Commands]:
    if request.param == "conditions honoured":
        bucket = Bucket(seaweedfs_endpoint(), WRITER)
    else:
        bucket = Bucket(juicefs_endpoint(), ADMIN)
    with FaultProxy(bucket.endpoint) as proxy:
        yield S3Commands(bucket, proxy)


@pytest.fixture
def standbys(s3: S3Commands, tmp_path: Path) -> list[DataDirectory]:
    """Two that have archived before, and know the store."""
    found = [DataDirectory(tmp_path / name) for name in ("first", "second")]
    for standby in found:
        assert s3.attempt("wal-archive", standby.segment(FIRST)).returncode == 0
    return found


def stored(s3: S3Commands, tmp_path: Path, name: str) -> bytes:
    copy = tmp_path / "copy"
    fetched = s3.attempt("wal-restore", name, copy)
    assert fetched.returncode == 0, fetched.stderr
    return copy.read_bytes()


def archived_at_once(
    s3: S3Commands, first: Path, second: Path
) -> list[tuple[int | None, str]]:
    """Have both stored in the same moment; return exit codes and messages."""
    with s3.proxy.held(A_SEGMENT) as gate:
        processes = [s3.spawn("wal-archive", path) for path in (first, second)]
        gate.wait_for(2)
    messages = [process.communicate(timeout=60)[1] for process in processes]
    codes = [process.returncode for process in processes]
    return list(zip(codes, messages, strict=True))


def test_the_same_segment_twice_is_a_success_for_both(
    s3: S3Commands, standbys: list[DataDirectory], tmp_path: Path
) -> None:
    first, second = (standby.segment(SECOND) for standby in standbys)

    ended = archived_at_once(s3, first, second)

    assert ended == [(0, ""), (0, "")]
    assert s3.attempt("wal-archive", second).returncode == 0
    assert len(s3.stored()) == 3
    assert s3.stored()[0] == IDENTITY
    assert stored(s3, tmp_path, SECOND) == segment_bytes(SECOND)


def test_other_content_is_refused_and_nothing_changes(
    s3: S3Commands, standbys: list[DataDirectory], tmp_path: Path
) -> None:
    first, second = standbys
    assert s3.attempt("wal-archive", first.segment(SECOND)).returncode == 0
    before = s3.bucket.client.list_objects_v2(Bucket=s3.bucket.name)["Contents"]

    refused = s3.attempt("wal-archive", second.segment(SECOND, seed=1))

    assert refused.returncode == 1
    assert f"{SECOND}.zst is in {s3.proxy.url}" in refused.stderr
    after = s3.bucket.client.list_objects_v2(Bucket=s3.bucket.name)["Contents"]
    assert after == before
    assert stored(s3, tmp_path, SECOND) == segment_bytes(SECOND)


@pytest.mark.parametrize("s3", ["conditions honoured"], indirect=True)
def test_of_two_contents_in_the_same_moment_one_wins(
    s3: S3Commands, standbys: list[DataDirectory], tmp_path: Path
) -> None:
    first, second = (
        standby.segment(SECOND, seed=seed) for seed, standby in enumerate(standbys)
    )

    codes = [code for code, _ in archived_at_once(s3, first, second)]

    assert sorted(map(str, codes)) == ["0", "1"]
    winner = segment_bytes(SECOND, seed=codes.index(0))
    assert stored(s3, tmp_path, SECOND) == winner
