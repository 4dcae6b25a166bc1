"""What wal-archive and wal-restore ask of a store: every request costs, and waits.

docs/storage.md has these numbers.
"""

from pathlib import Path

import pytest

from tests.services.juicefs import juicefs_endpoint
from tests.services.seaweedfs import ADMIN
from tests.support.exchanges import Exchange
from tests.support.fault_proxy import FaultProxy
from tests.support.key_files import KeyFiles
from tests.support.s3_commands import S3Commands
from tests.support.s3_store import Bucket
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    LABEL,
    SECOND,
    THIRD,
    DataDirectory,
)

BEHIND = "000000010000000000000009"
"""A segment that no archive here has."""


def made(exchanges: list[Exchange]) -> list[str]:
    return [each.call for each in exchanges]


@pytest.fixture
def known(s3: S3Commands, data: DataDirectory) -> S3Commands:
    """An archive to which this cluster has archived its first segment."""
    s3.asked("wal-archive", data.segment(FIRST))
    return s3


def test_first_segment_of_an_archive(s3: S3Commands, data: DataDirectory) -> None:
    asked = s3.asked("wal-archive", data.segment(FIRST))

    identity = ["GET", "LIST", "HEAD", "PUT"]  # whose is it, is it empty, make it
    condition = ["PUT"]  # is it refused the second time
    assert made(asked) == [*identity, *condition, "LIST", "PUT"]
    assert [each.status for each in asked[3:5]] == [200, 412]


def test_every_segment_after_that_is_one_request(
    known: S3Commands, data: DataDirectory
) -> None:
    for name in (SECOND, THIRD):
        (put,) = known.asked("wal-archive", data.segment(name))

        assert put.call == "PUT"
        assert put.path.endswith(f"/{name}.zst")
    assert len(known.stored()) == 4


def test_encrypted_segment_is_one_request(
    known: S3Commands, data: DataDirectory, tmp_path: Path
) -> None:
    keys = KeyFiles.make(tmp_path).encrypting
    known.asked("wal-archive", data.segment(SECOND), options=keys)

    asked = known.asked("wal-archive", data.segment(THIRD), options=keys)

    assert made(asked) == ["PUT"]


def test_history_and_label_are_one_request_each(
    known: S3Commands, data: DataDirectory
) -> None:
    for path in (data.file(HISTORY, HISTORY_TEXT), data.file(LABEL, b"START WAL\n")):
        assert made(known.asked("wal-archive", path)) == ["PUT"]


def test_first_segment_in_another_compression_looks_for_others(
    known: S3Commands, data: DataDirectory
) -> None:
    path = data.segment(SECOND)

    assert made(known.asked("wal-archive", path, options=["--lz4"])) == ["LIST", "PUT"]


def test_segment_that_is_there_is_read_once(
    known: S3Commands, data: DataDirectory
) -> None:
    asked = known.asked("wal-archive", data.segment(FIRST))

    assert made(asked) == ["PUT", "GET"]
    assert [each.status for each in asked] == [412, 200]


def test_without_a_spool_everything_is_asked_each_time(
    known: S3Commands, data: DataDirectory, tmp_path: Path
) -> None:
    (tmp_path / "no directory").touch()
    spool = ["--spool-dir", str(tmp_path / "no directory")]

    asked = known.asked("wal-archive", data.segment(SECOND), options=spool)

    assert made(asked) == ["GET", "LIST", "HEAD", "PUT"]


def test_store_that_ignores_conditions_costs_one_look(data: DataDirectory) -> None:
    bucket = Bucket(juicefs_endpoint(), ADMIN)
    with FaultProxy(bucket.endpoint) as proxy:
        s3 = S3Commands(bucket, proxy)
        for name in (FIRST, SECOND):
            s3.asked("wal-archive", data.segment(name))

        asked = s3.asked("wal-archive", data.segment(THIRD))

    assert made(asked) == ["HEAD", "PUT"]


@pytest.fixture(params=["wal-restore by hand", "restore_command", "of a standby"])
def destination(request: pytest.FixtureRequest, data: DataDirectory) -> Path:
    if request.param == "of a standby":
        data.signal("standby.signal")
    if request.param == "wal-restore by hand":
        return data.pg_wal / "copy"
    return data.destination


def test_segment_that_is_there_is_two_requests(
    known: S3Commands, destination: Path
) -> None:
    asked = known.asked("wal-restore", FIRST, destination)

    assert made(asked) == ["LIST", "GET"]
    assert asked[1].path.endswith(f"{FIRST_KEY}.zst")


def test_whose_archive_it_is_costs_one_more_where_no_cluster_asks(
    known: S3Commands, tmp_path: Path
) -> None:
    asked = known.asked("wal-restore", FIRST, tmp_path / "copy")

    assert made(asked) == ["GET", "LIST", "GET"]


@pytest.mark.parametrize("name", [BEHIND, "00000002.history"])
def test_absence_is_one_request(
    known: S3Commands, data: DataDirectory, name: str
) -> None:
    asked = known.asked("wal-restore", name, data.pg_wal / "copy", exit_code=1)

    assert made(asked) == ["LIST"]


def test_absence_is_one_request_of_a_standby(
    known: S3Commands, data: DataDirectory
) -> None:
    data.signal("standby.signal")

    asked = known.asked("wal-restore", BEHIND, data.destination, exit_code=1)

    assert made(asked) == ["LIST"]


def test_end_of_a_recovery_is_looked_at_closely(
    known: S3Commands, data: DataDirectory
) -> None:
    asked = known.asked("wal-restore", BEHIND, data.destination, exit_code=1)

    # Is it there, is it this cluster's archive, what follows, has it a successor.
    assert made(asked) == ["LIST", "GET", "LIST", "LIST"]


def test_end_of_a_recovery_costs_two_more_for_each_later_timeline(
    known: S3Commands, data: DataDirectory
) -> None:
    known.asked("wal-archive", data.file(HISTORY, HISTORY_TEXT))

    asked = known.asked("wal-restore", BEHIND, data.destination, exit_code=1)

    assert made(asked) == ["LIST", "GET", "LIST", "LIST", "GET", "LIST"]


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        (HISTORY, 0, ["LIST", "GET", "GET"]),
        ("00000003.history", 1, ["LIST", "GET"]),
    ],
)
def test_history_is_asked_for_with_whose_archive_it_is(
    known: S3Commands, data: DataDirectory, name: str, code: int, expected: list[str]
) -> None:
    known.asked("wal-archive", data.file(HISTORY, HISTORY_TEXT))

    asked = known.asked("wal-restore", name, data.history_destination, exit_code=code)

    assert made(asked) == expected
