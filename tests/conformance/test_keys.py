import pytest

from cloudhoard.storage.errors import StorageError
from cloudhoard.storage.object_key import InvalidKey
from cloudhoard.storage.protocol import Storage
from tests.support.stores import get, keys, put

BAD = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "../main2/a",
    "a/.hidden",
    ".a~0123456789abcdef",
    "a b",
    "a\nb",
    "a\0b",
    "ä",
    "a\\b",
    "a:b",
    "a%2fb",
    "a+b",
    "x" * 201,
    "/".join(["x" * 100] * 10),
]


@pytest.mark.parametrize("key", BAD)
def test_name_that_is_no_key_is_refused_before_anything_is_done(
    storage: Storage, key: str
) -> None:
    assert issubclass(InvalidKey, StorageError)
    with pytest.raises(InvalidKey):
        storage.stat(key)
    with pytest.raises(InvalidKey):
        get(storage, key)
    with pytest.raises(InvalidKey):
        put(storage, key)
    with pytest.raises(InvalidKey):
        storage.delete_objects([key])

    assert keys(storage) == []


@pytest.mark.parametrize("prefix", ["/", "a//", "..", "a/.b", "a*", "ä", "x" * 1000])
def test_prefix_of_no_key_is_refused(storage: Storage, prefix: str) -> None:
    with pytest.raises(InvalidKey):
        keys(storage, prefix)


@pytest.mark.parametrize(
    "key", ["a", "-", "_", "a.", "a..b", "A/b-C/d_e.zst.enc", "x" * 200]
)
def test_key_that_every_store_takes(storage: Storage, key: str) -> None:
    put(storage, key)

    assert keys(storage) == [key]
