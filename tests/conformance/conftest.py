from pathlib import Path

import pytest

from cloudhoard.storage.protocol import Storage
from tests.support.stores import STORES, StoreUnderTest


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreUnderTest:
    """An empty container of each store in turn."""
    return STORES[request.param](tmp_path)


@pytest.fixture
def storage(store: StoreUnderTest) -> Storage:
    return store.open("main")
