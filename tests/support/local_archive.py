"""An archive in a directory, and processes of their own that work on it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cloudhoard.storage.backends.local import LocalStorage
from cloudhoard.storage.protocol import Storage
from tests.support import store_process

IDENTITY: Final = "cloudhoard/archive.json"
WAL: Final = "wals/0000000100000000/000000010000000000000001.zst"
NEIGHBOUR: Final = "wals/0000000100000000/000000010000000000000002.zst"
WITNESSES: Final = (IDENTITY, "wals/")


def open_archive(container: Path) -> Storage:
    """Return the archive "main" below container, as the commands open it."""
    return LocalStorage(str(container), "main", witnesses=WITNESSES)


def command(container: Path, *arguments: str | Path | int) -> list[str]:
    """Return a command line of store_process for that archive."""
    url = f"file://{container}"
    return [sys.executable, store_process.__file__, url, *map(str, arguments)]


def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is."""
    return subprocess.run(
        arguments, capture_output=True, text=True, timeout=60, check=False
    )


def all_files(directory: Path) -> list[str]:
    """Return the names of whatever lies below directory and is no directory."""
    return sorted(path.name for path in directory.rglob("*") if not path.is_dir())
