"""A restore finds out at its start whether it can decompress, not in its middle."""

import subprocess
import sys
from pathlib import Path

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding
from tests.support.stored_backup import BACKUP_ID, HandMadeBackup, archive_below


def restore(
    container: Path, target: Path, *, without: str
) -> subprocess.CompletedProcess[str]:
    argv = [f"file://{container}", "main", BACKUP_ID, str(target)]
    program = (
        f"import sys; sys.modules[{without!r}] = None\n"
        "from cloudhoard.commands.restore import main\n"
        f"sys.exit(main({argv}))"
    )
    argv = [sys.executable, "-c", program]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture
def container(tmp_path: Path) -> Path:
    storage = archive_below(tmp_path / "archive")
    HandMadeBackup(encoding=Encoding(Compression("lz4", 0))).store(storage)
    return tmp_path / "archive"


def test_volumes_whose_library_is_missing_are_refused_before_anything(
    container: Path, tmp_path: Path
) -> None:
    answer = restore(container, tmp_path / "target", without="lz4")

    assert answer.returncode == 3
    assert "needs lz4, which is not installed" in answer.stderr
    assert not (tmp_path / "target").exists()


def test_library_that_only_wal_may_need_is_warned_of(
    container: Path, tmp_path: Path
) -> None:
    answer = restore(container, tmp_path / "target", without="cramjam")

    assert answer.returncode == 0, answer.stderr
    assert "WAL stored as .snappy cannot be restored" in answer.stderr
    assert (tmp_path / "target" / "global" / "pg_control").exists()
