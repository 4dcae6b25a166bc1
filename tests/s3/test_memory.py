"""How much memory a command takes does not follow the size of an object."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.s3_commands import S3Commands
from tests.support.wal_files import FIRST, DataDirectory

MIB: Final = 1 << 20
CAP: Final = 160 * MIB
"""Four parts of 8 MiB under way, two more, and what Python and the SDK take."""


MEASURE: Final = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def peak(s3: S3Commands, name: str, *words: str | Path) -> int:
    """Run a command, which has to succeed; return the most memory it had, in bytes.

    By way of a small process: a new one is taken to have as much as its parent had.
    """
    measured = [sys.executable, "-c", MEASURE, *s3.argv(name, *words)]
    ended = subprocess.run(
        measured, env=s3.environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout) * 1024


@pytest.mark.parametrize("size", [512 * MIB])
def test_large_segment_is_never_in_memory_as_a_whole(
    s3: S3Commands, tmp_path: Path, size: int
) -> None:
    path = DataDirectory(tmp_path / "large", segment_size=size).segment(FIRST)
    options = ["--compression", "none"]
    got = tmp_path / "got"

    archiving = peak(s3, "wal-archive", path, *options)
    restoring = peak(s3, "wal-restore", FIRST, got)

    assert got.stat().st_size == size
    assert max(archiving, restoring) < CAP, (archiving // MIB, restoring // MIB)
