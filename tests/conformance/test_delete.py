import pytest

from cloudhoard.storage.errors import ContainerNotFound, ObjectNotFound
from cloudhoard.storage.protocol import Storage
from tests.support.stores import StoreUnderTest, get, keys, put


def test_deleted_objects_are_gone_and_others_are_not(storage: Storage) -> None:
    for key in ("a/1", "a/2", "b/1", "c"):
        put(storage, key, key.encode())

    storage.delete_objects(["a/1", "c"])

    assert keys(storage) == ["a/2", "b/1"]
    assert get(storage, "a/2") == b"a/2"
    with pytest.raises(ObjectNotFound):
        storage.stat("c")


def test_deleting_twice_and_nothing_succeeds(storage: Storage) -> None:
    put(storage, "a/1")
    storage.delete_objects([])
    storage.delete_objects(iter(["a/1", "a/1", "never/there"]))
    storage.delete_objects(["a/1"])

    assert keys(storage) == []


def test_what_lies_below_a_key_is_not_deleted_with_it(storage: Storage) -> None:
    put(storage, "a/1")

    storage.delete_objects(["a"])

    assert keys(storage) == ["a/1"]


def test_deleted_key_can_be_written_again(storage: Storage) -> None:
    put(storage, "a/b/1", b"first")
    storage.delete_objects(["a/b/1"])
    put(storage, "a/b/1", b"second")

    assert get(storage, "a/b/1") == b"second"


def test_many_keys_in_one_call(storage: Storage) -> None:
    names = [f"wals/{n // 100}/{n:05}" for n in range(1200)]
    for name in names:
        put(storage, name, b"")

    storage.delete_objects(names[:-1])

    assert keys(storage) == names[-1:]


def test_missing_container_is_not_a_missing_object(store: StoreUnderTest) -> None:
    storage = store.open("main")
    store.remove_container()

    with pytest.raises(ContainerNotFound):
        storage.check_access()
    with pytest.raises(ContainerNotFound):
        storage.stat("one")
    with pytest.raises(ContainerNotFound):
        get(storage, "one")
    with pytest.raises(ContainerNotFound):
        put(storage, "one")
    with pytest.raises(ContainerNotFound):
        keys(storage)
    with pytest.raises(ContainerNotFound):
        storage.delete_objects(["one"])


def test_check_access_of_an_empty_container_changes_nothing(
    storage: Storage,
) -> None:
    storage.check_access()

    assert keys(storage) == []


def test_close_can_be_repeated(storage: Storage) -> None:
    storage.close()
    storage.close()
