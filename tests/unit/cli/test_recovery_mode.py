"""When a failure of wal-restore must stop PostgreSQL."""

from pathlib import Path

import pytest

from cloudhoard.cli.recovery_mode import (
    is_archive_recovery,
    is_strict,
    leaves_nothing,
)

FIRST = "000000010000000000000001"
BASE = ["file:///srv/backup", "main", FIRST]


@pytest.fixture
def data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data" / "pg_wal").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.parametrize("name", ["RECOVERYXLOG", "RECOVERYHISTORY"])
def test_archive_recovery_is_strict(name: str, data_directory: Path) -> None:
    assert is_strict([*BASE, f"pg_wal/{name}"])
    assert is_strict([*BASE, str(data_directory / "pg_wal" / name)])


@pytest.mark.parametrize("name", ["RECOVERYXLOG", "RECOVERYHISTORY"])
def test_standby_is_not_strict(name: str, data_directory: Path) -> None:
    (data_directory / "standby.signal").touch()

    assert not is_strict([*BASE, f"pg_wal/{name}"])


def test_standby_signal_wins_over_recovery_signal(data_directory: Path) -> None:
    (data_directory / "standby.signal").touch()
    (data_directory / "recovery.signal").touch()

    assert not is_strict([*BASE, "pg_wal/RECOVERYXLOG"])


def test_other_destinations_are_not_strict(data_directory: Path) -> None:
    assert not is_strict([*BASE, "pg_wal/000000010000000000000001"])
    assert not is_archive_recovery(data_directory / "pg_wal" / "RECOVERYXLOG.tmp")


def test_working_directory_does_not_matter(
    data_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_directory / "standby.signal").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    assert not is_strict([*BASE, str(data_directory / "pg_wal" / "RECOVERYXLOG")])


def test_linked_wal_directory_is_taken_as_it_is_written(
    data_directory: Path, tmp_path: Path
) -> None:
    (data_directory / "standby.signal").touch()
    (data_directory / "pg_wal").rmdir()
    (tmp_path / "wal" / "here").mkdir(parents=True)
    (data_directory / "pg_wal").symlink_to(tmp_path / "wal" / "here")

    assert not is_strict([*BASE, str(data_directory / "pg_wal" / "RECOVERYXLOG")])


@pytest.mark.parametrize(
    "option", [["--on-error", "retry"], ["--on-error=retry"]], ids=" ".join
)
@pytest.mark.usefixtures("data_directory")
def test_on_error_retry_overrides(option: list[str]) -> None:
    assert not is_strict([*option, *BASE, "pg_wal/RECOVERYXLOG"])
    assert not is_strict([*BASE, "pg_wal/RECOVERYXLOG", *option])


def test_on_error_strict_overrides_on_a_standby(data_directory: Path) -> None:
    (data_directory / "standby.signal").touch()

    assert is_strict([*BASE, "pg_wal/RECOVERYXLOG", "--on-error=strict"])


@pytest.mark.usefixtures("data_directory")
def test_value_that_on_error_does_not_have_overrides_nothing() -> None:
    assert is_strict([*BASE, "pg_wal/RECOVERYXLOG", "--on-error=never"])


@pytest.mark.usefixtures("data_directory")
def test_line_that_cannot_be_parsed_is_strict_all_the_same() -> None:
    assert is_strict(["--bad", "pg_wal/RECOVERYXLOG"])


def test_forgotten_destination_is_strict_where_recovery_runs_it(
    data_directory: Path,
) -> None:
    assert not is_strict(BASE)
    (data_directory / "recovery.signal").touch()
    assert is_strict(BASE)
    (data_directory / "standby.signal").touch()
    assert not is_strict(BASE)


def test_data_directory_that_cannot_be_looked_into_is_strict(tmp_path: Path) -> None:
    beyond = tmp_path / ("x" * 300) / "pg_wal" / "RECOVERYXLOG"  # ENAMETOOLONG

    assert is_strict([*BASE, str(beyond)])
    assert leaves_nothing([*BASE, str(beyond)])


def test_working_directory_that_is_gone_is_strict(
    data_directory: Path, tmp_path: Path
) -> None:
    (data_directory / "pg_wal").rmdir()
    data_directory.rmdir()

    assert is_strict([*BASE, "pg_wal/RECOVERYXLOG"])
    assert not is_strict([*BASE, str(tmp_path / "pg_wal" / FIRST)])
