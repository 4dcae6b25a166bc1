"""An object is said to be absent only where the store's answer can be believed."""

import pytest

from cloudhoard.storage.errors import ObjectNotFound, StorageUnavailable
from cloudhoard.storage.protocol import Storage
from tests.support.stores import StoreUnderTest, get, keys, put

IDENTITY = "cloudhoard/archive.json"
WITNESSES = (IDENTITY, "wals/")


@pytest.fixture
def archive(store: StoreUnderTest) -> Storage:
    return store.open("main", witnesses=WITNESSES)


@pytest.fixture
def witnessed_store(
    store: StoreUnderTest,
) -> StoreUnderTest:
    if store.capabilities.absence != "witness":
        pytest.skip("its answers need no witness")
    return store


def test_empty_archive_lists_nothing_and_begins_with_its_identity(
    archive: Storage,
) -> None:
    assert keys(archive) == []
    with pytest.raises(ObjectNotFound):
        archive.stat(IDENTITY)
    with pytest.raises(ObjectNotFound):
        get(archive, IDENTITY)

    put(archive, IDENTITY, b"{}")

    assert get(archive, IDENTITY) == b"{}"
    with pytest.raises(ObjectNotFound):
        archive.stat("wals/one")
    assert keys(archive, "wals/") == []
    put(archive, "wals/one")
    assert keys(archive) == [IDENTITY, "wals/one"]


def test_archive_of_another_tool_is_witnessed_by_its_wal(store: StoreUnderTest) -> None:
    put(store.open("main"), "wals/0000000100000000/000000010000000000000001.gz")
    archive = store.open("main", witnesses=WITNESSES)

    with pytest.raises(ObjectNotFound):
        archive.stat("wals/0000000100000000/000000010000000000000002.gz")
    with pytest.raises(ObjectNotFound):
        archive.stat(IDENTITY)
    assert keys(archive, "base/") == []
    put(archive, "base/x/backup.info")


def test_without_a_witness_nothing_is_said_to_be_absent(
    witnessed_store: StoreUnderTest,
) -> None:
    put(witnessed_store.open("main"), "base/20260101T000000/backup.info")
    archive = witnessed_store.open("main", witnesses=WITNESSES)

    with pytest.raises(StorageUnavailable) as caught:
        archive.stat("wals/one")
    assert caught.value.hint is not None
    assert "mounted" in caught.value.hint
    with pytest.raises(StorageUnavailable):
        get(archive, "base/20260101T000000/data.tar")
    with pytest.raises(StorageUnavailable):
        keys(archive, "wals/")
    with pytest.raises(StorageUnavailable):
        keys(archive, start_after="c")
    with pytest.raises(StorageUnavailable):
        archive.delete_objects(["base/20260101T000000/data.tar"])


def test_without_a_witness_what_is_there_is_still_read(
    witnessed_store: StoreUnderTest,
) -> None:
    put(witnessed_store.open("main"), "base/20260101T000000/backup.info", b"info")
    archive = witnessed_store.open("main", witnesses=WITNESSES)

    assert get(archive, "base/20260101T000000/backup.info") == b"info"
    assert keys(archive, "base/") == ["base/20260101T000000/backup.info"]


def test_without_a_witness_nothing_but_the_identity_is_written(
    witnessed_store: StoreUnderTest,
) -> None:
    archive = witnessed_store.open("main", witnesses=WITNESSES)

    with pytest.raises(StorageUnavailable):
        put(archive, "wals/one")
    with pytest.raises(StorageUnavailable):
        put(archive, "base/20260101T000000/started.json")

    assert keys(archive) == []
    put(archive, IDENTITY)
    put(archive, "wals/one")


def test_other_server_of_the_same_container_is_no_witness(
    witnessed_store: StoreUnderTest,
) -> None:
    put(witnessed_store.open("main2", witnesses=WITNESSES), IDENTITY)

    with pytest.raises(StorageUnavailable):
        witnessed_store.open("main", witnesses=WITNESSES).stat("wals/one")
