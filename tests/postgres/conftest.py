"""Fixtures of the tests with a real server."""

from pathlib import Path

import pytest

from tests.support.os_user import OsUser
from tests.support.wal_shipping import WalShipping
from tests.support.workplace import Workplace


@pytest.fixture
def shipping(workplace: Workplace, os_user: OsUser) -> WalShipping:
    """An empty archive for clusters of this test's."""
    directory: Path = workplace.directory / "archive"
    directory.mkdir()
    return WalShipping(os_user.give(directory), workplace.adopt)
