"""An archive and a data directory made by hand, for the commands on WAL."""

from pathlib import Path

import pytest

from tests.support.wal_files import DataDirectory


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of the server's archive; its container is there, it is not."""
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive" / "main"


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")
