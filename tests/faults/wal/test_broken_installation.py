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
