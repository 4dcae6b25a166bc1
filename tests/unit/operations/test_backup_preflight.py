from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloudhoard.domain.control_data import ControlData
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.backup_preflight import (
    check_data_directory,
    check_destination,
    check_server,
    version_directory_of,
)
from cloudhoard.postgres.errors import NotThisCluster
from cloudhoard.postgres.server_info import ServerInfo, TablespaceInfo
from tests.support.golden_postgres import MAJORS, golden

STARTED = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PG_CONTROL = golden(15, "pg_control").read_bytes()

Describe = Callable[..., ServerInfo]


@pytest.fixture
def server(tmp_path: Path) -> ServerInfo:
    (tmp_path / "global").mkdir()
    (tmp_path / "global/pg_control").write_bytes(PG_CONTROL)
    (tmp_path / "postmaster.pid").write_text(
        f"1\n{tmp_path}\n{STARTED.timestamp():.0f}\n5432\n/tmp\n\n\nready\n"
    )
    return ServerInfo(
        version=150004,
        in_recovery=False,
        system_identifier=ControlData.parse(PG_CONTROL).system_identifier,
        data_directory=tmp_path,
        started_at=STARTED,
        port=5432,
        segment_size=16 << 20,
        data_checksums="on",
        summarize_wal=None,
        archive_mode="on",
        archive_command="true",
        archive_library="",
        config_file=tmp_path / "postgresql.conf",
        hba_file=tmp_path / "pg_hba.conf",
        ident_file=tmp_path / "pg_ident.conf",
        stats_temp_directory=None,
    )


@pytest.mark.parametrize("version", [130000, 140005, 180001])
def test_supported_versions_pass(server: ServerInfo, version: int) -> None:
    check_server(replace(server, version=version))


@pytest.mark.parametrize("version", [120022, 190000])
def test_other_versions_are_refused(server: ServerInfo, version: int) -> None:
    with pytest.raises(OperationFailed, match="only 13 to 18"):
        check_server(replace(server, version=version))


def test_data_directory_that_is_the_servers_gives_its_control_file(
    server: ServerInfo,
) -> None:
    assert check_data_directory(server) == ControlData.parse(PG_CONTROL)


def test_data_directory_with_another_identifier_is_refused(
    server: ServerInfo,
) -> None:
    ours = server.system_identifier

    with pytest.raises(NotThisCluster, match=f"{ours}, the server has 77"):
        check_data_directory(replace(server, system_identifier=77))


def test_data_directory_that_is_not_here_is_refused(
    server: ServerInfo, tmp_path: Path
) -> None:
    # The server's answer is true on its own machine, or in its own container.
    with pytest.raises(NotThisCluster, match="is not on this machine"):
        check_data_directory(replace(server, data_directory=tmp_path / "away"))


@pytest.mark.parametrize("place", ["", "archive", "base/../archive"])
def test_archive_in_the_data_directory_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(OperationFailed, match="which is backed up"):
        check_destination(f"file://{tmp_path}/{place}", tmp_path, [])


def test_archive_in_a_tablespace_is_refused(tmp_path: Path) -> None:
    tablespace = TablespaceInfo("fast", 16384, str(tmp_path / "fast"))

    with pytest.raises(OperationFailed, match="which is backed up"):
        check_destination(
            f"file://{tmp_path}/fast/archive", tmp_path / "data", [tablespace]
        )


def test_archive_beside_the_data_directory_passes(tmp_path: Path) -> None:
    check_destination(f"file://{tmp_path}/data2", tmp_path / "data", [])
    check_destination("s3://bucket/data", tmp_path / "data", [])


@pytest.mark.parametrize("major", MAJORS)
def test_directory_of_a_tablespace_is_named_after_major_and_catalog(
    major: int,
) -> None:
    control = ControlData.parse(golden(major, "pg_control").read_bytes())

    assert version_directory_of(control).startswith(f"PG_{major}_20")
