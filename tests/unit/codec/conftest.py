"""Key pairs, made once: making one takes longer than most tests."""

import pytest

from tests.support.key_files import KeyFiles
from tests.support.sealed_objects import LoadedKeys


@pytest.fixture(scope="session")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return KeyFiles.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def other_key_files(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return KeyFiles.make(tmp_path_factory.mktemp("keys"), "escrow")


@pytest.fixture(scope="session")
def keys(key_files: KeyFiles) -> LoadedKeys:
    return LoadedKeys.load(key_files)


@pytest.fixture(scope="session")
def other_keys(other_key_files: KeyFiles) -> LoadedKeys:
    return LoadedKeys.load(other_key_files)
