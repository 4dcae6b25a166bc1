from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloudhoard.errors import InvalidFormat
from cloudhoard.postgres.errors import NotThisCluster
from cloudhoard.postgres.postmaster import Postmaster, check_postmaster

STARTED = datetime(2026, 11, 21, 9, 32, 20, tzinfo=UTC)
TEXT = (
    f"4711\n/srv/pg/data\n{STARTED.timestamp():.0f}\n5433\n/run/postgresql\n"
    "localhost\n   123456     65536\nready   \n"
)


@pytest.fixture
def data_directory(tmp_path: Path) -> Path:
    text = TEXT.replace("/srv/pg/data", str(tmp_path))
    (tmp_path / "postmaster.pid").write_text(text)
    return tmp_path


def test_reads_what_a_server_writes() -> None:
    assert Postmaster.parse(TEXT) == Postmaster(
        4711, Path("/srv/pg/data"), STARTED, 5433
    )


@pytest.mark.parametrize("text", ["", "4711\n", "4711\n/srv\nnow\n5432\n", TEXT[:20]])
def test_half_written_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormat):
        Postmaster.parse(text)


@pytest.mark.parametrize("lag", [0.2, 1.5, 30.0])
def test_server_that_started_when_the_file_says_is_the_one(
    data_directory: Path, lag: float
) -> None:
    started_at = STARTED + timedelta(seconds=lag)

    assert (
        check_postmaster(data_directory, started_at=started_at, port=5433).pid == 4711
    )


def test_server_on_another_port_is_refused(data_directory: Path) -> None:
    with pytest.raises(NotThisCluster, match=r"port 5433.* port 5432"):
        check_postmaster(data_directory, started_at=STARTED, port=5432)


@pytest.mark.parametrize("lag", [-60.0, 600.0])
def test_server_started_at_another_time_is_refused(
    data_directory: Path, lag: float
) -> None:
    started_at = STARTED + timedelta(seconds=lag)

    with pytest.raises(NotThisCluster, match="2026-11-21 09:32:20 UTC"):
        check_postmaster(data_directory, started_at=started_at, port=5433)


def test_directory_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotThisCluster, match="is not on this machine"):
        check_postmaster(tmp_path / "away", started_at=STARTED, port=5433)


def test_file_that_was_copied_from_another_directory_is_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "postmaster.pid").write_text(TEXT)

    with pytest.raises(NotThisCluster, match="of a server on /srv/pg/data"):
        check_postmaster(tmp_path, started_at=STARTED, port=5433)


def test_directory_may_have_been_named_by_a_link(
    data_directory: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(data_directory)

    assert check_postmaster(link, started_at=STARTED, port=5433).port == 5433
