from pathlib import Path

import pytest

from tests.support.local_archive import IDENTITY, open_archive
from tests.support.stores import put


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """The directory of a URL, with an archive in it."""
    directory = tmp_path / "container"
    directory.mkdir()
    put(open_archive(directory), IDENTITY, b"{}")
    return directory
