"""wal-restore keeps its promise where it cannot even be imported."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wal_files import FIRST, DataDirectory

ROOT = Path(__file__).parents[3]


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A copy of the package, which a test breaks."""
    target = tmp_path / "installation"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "cloudhoard", target / "cloudhoard", ignore=ignored)
    shutil.copy(ROOT / "scripts" / "cloudhoard-wal-restore", target)
    return target


def restore_from(
    installation: Path, data: DataDirectory, *arguments: str
) -> tuple[int, str]:
    """Run the script that is installed, with the package beside it and no other."""
    run = [sys.executable, "-S", str(installation / "cloudhoard-wal-restore")]
    answer = subprocess.run(
        [*run, *(arguments or ("file:///x", "main", FIRST, "pg_wal/RECOVERYXLOG"))],
        cwd=data.path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installation)},
    )
    return answer.returncode, answer.stderr


def gone(installation: Path) -> None:
    shutil.rmtree(installation / "cloudhoard")


def without_an_operation(installation: Path) -> None:
    (installation / "cloudhoard" / "operations" / "restore_wal.py").unlink()


def with_a_syntax_error(installation: Path) -> None:
    (installation / "cloudhoard" / "cli" / "arguments.py").write_text("def (:\n")


def with_a_broken_entry(installation: Path) -> None:
    (installation / "cloudhoard" / "cli" / "recovery_mode.py").write_text("1 / 0\n")


BREAKS = [gone, without_an_operation, with_a_syntax_error, with_a_broken_entry]


@pytest.mark.parametrize("break_it", BREAKS)
@pytest.mark.parametrize(
    ("signal", "code"), [("recovery.signal", 196), ("standby.signal", 4)]
)
def test_recovery_stops_and_a_standby_asks_again(
    break_it: object, signal: str, code: int, installation: Path, data: DataDirectory
) -> None:
    assert callable(break_it)
    break_it(installation)
    data.signal(signal)

    found, error = restore_from(installation, data)

    assert found == code, error
    first, second = error.splitlines()
    assert first.startswith("cloudhoard-wal-restore: error: ")
    assert second.startswith("cloudhoard-wal-restore: hint: ")


@pytest.mark.parametrize("break_it", BREAKS)
def test_forgotten_destination_stops_recovery_too(
    break_it: object, installation: Path, data: DataDirectory
) -> None:
    assert callable(break_it)
    break_it(installation)
    data.signal("recovery.signal")

    assert restore_from(installation, data, "file:///x", "main", FIRST)[0] == 196


def test_outside_recovery_the_code_is_a_plain_one(
    installation: Path, data: DataDirectory
) -> None:
    gone(installation)

    found, _ = restore_from(installation, data, "file:///x", "main", FIRST, "/tmp/x")  # noqa: S108

    assert found == 4


def test_working_directory_that_is_gone_stops_recovery(
    installation: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    script = f"{sys.executable} -S {installation / 'cloudhoard-wal-restore'}"
    command = f"exec {script} file:///x main {FIRST} pg_wal/RECOVERYXLOG"
    answer = subprocess.run(
        ["/bin/sh", "-c", f"rmdir {away} && {command}"],
        cwd=away,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installation)},
    )

    assert answer.returncode == 196, answer.stderr
    assert "Traceback" not in answer.stderr


def test_working_directory_that_is_gone_stops_recovery_without_the_package_too(
    installation: Path, tmp_path: Path
) -> None:
    gone(installation)
    test_working_directory_that_is_gone_stops_recovery(installation, tmp_path)


def test_help_on_a_full_disk_does_not_end_recovery(
    installation: Path, data: DataDirectory
) -> None:
    data.signal("recovery.signal")
    run = [sys.executable, "-S", str(installation / "cloudhoard-wal-restore")]
    with Path("/dev/full").open("w") as full:
        code = subprocess.run(
            [*run, "--help", "file:///x", "main", FIRST, "pg_wal/RECOVERYXLOG"],
            cwd=data.path,
            stdout=subprocess.DEVNULL,
            stderr=full,
            check=False,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installation)},
        ).returncode

    assert code == 195
