"""A log that cannot be written must not change what PostgreSQL is told."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.programs import command_path

SCRIPT: Final = Path(__file__).parents[2] / "scripts" / "cloudhoard-wal-restore"


def exit_code(program: list[str], directory: Path, redirected: str) -> int:
    """Ask as PostgreSQL does in archive recovery, of an archive that is not there."""
    (directory / "pg_wal").mkdir()
    shell = ["sh", "-c", f'exec "$@" {redirected}', "sh"]
    asked = ["file:///nonexistent", "main", "000000010000000000000001"]
    ended = subprocess.run(
        [*shell, *program, *asked, "pg_wal/RECOVERYXLOG"],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin"},  # where PYTHONUNBUFFERED would hide the matter
        check=False,
    )
    return ended.returncode


@pytest.mark.parametrize("redirected", ["2>/dev/null", "2>/dev/full", "2>&-", ">&-"])
def test_store_that_is_not_there(redirected: str, tmp_path: Path) -> None:
    program = [command_path("wal-restore")]

    assert exit_code(program, tmp_path, redirected) == 194


@pytest.mark.parametrize("redirected", ["2>/dev/null", "2>/dev/full", "2>&-"])
def test_installation_that_is_broken(redirected: str, tmp_path: Path) -> None:
    without_site_packages = [sys.executable, "-I", "-S", str(SCRIPT)]

    assert exit_code(without_site_packages, tmp_path, redirected) == 196
