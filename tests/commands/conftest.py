"""An archive and a data directory made by hand, for the commands on WAL."""

from pathlib import Path

import pytest

from tests.support.wal_files import FIRST, SECOND, DataDirectory, archive


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of the server's archive; its container is there, it is not."""
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive" / "main"


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")


@pytest.fixture
def filled(root: Path, data: DataDirectory) -> Path:
    """An archive with the first two segments of timeline 1."""
    for name in (FIRST, SECOND):
        archive(root, data.segment(name))
        (data.pg_wal / name).unlink()
    return root
