import pytest

from cloudhoard.storage.errors import ObjectNotFound
from cloudhoard.storage.protocol import Storage
from cloudhoard.streams import copy_stream, read_exactly
from tests.support.stores import StoreUnderTest, put

CONTENT = bytes(range(100))


@pytest.mark.parametrize(
    ("offset", "length"),
    [
        pytest.param(0, None, id="the whole"),
        pytest.param(40, None, id="a tail"),
        pytest.param(40, 10, id="a middle"),
        pytest.param(0, 0, id="no bytes"),
        pytest.param(99, 1, id="the last byte"),
        pytest.param(90, 50, id="over the end"),
        pytest.param(100, None, id="at the end"),
        pytest.param(100, 5, id="at the end, some"),
        pytest.param(1000, 5, id="past the end"),
    ],
)
def test_ranges(storage: Storage, offset: int, length: int | None) -> None:
    put(storage, "one", CONTENT)
    end = None if length is None else offset + length

    with storage.open_read("one", offset=offset, length=length) as source:
        assert source.read() == CONTENT[offset:end]
        assert source.read() == b""
        assert source.read(10) == b""


@pytest.mark.parametrize(("offset", "length"), [(0, None), (0, 5), (5, None), (5, 5)])
def test_ranges_of_an_empty_object(
    storage: Storage, offset: int, length: int | None
) -> None:
    put(storage, "empty", b"")

    with storage.open_read("empty", offset=offset, length=length) as source:
        assert source.read(10) == b""


def test_reading_in_small_pieces(storage: Storage) -> None:
    put(storage, "one", CONTENT)

    with storage.open_read("one", offset=1) as source:
        assert read_exactly(source, 9) == CONTENT[1:10]
        assert source.read(0) == b""
        assert read_exactly(source, 1000) == CONTENT[10:]


def test_one_object_is_read_by_two_at_once(storage: Storage) -> None:
    put(storage, "one", CONTENT)

    with storage.open_read("one") as first, storage.open_read("one") as second:
        assert read_exactly(first, 50) == CONTENT[:50]
        assert read_exactly(second, 100) == CONTENT
        assert read_exactly(first, 50) == CONTENT[50:]


def test_callers_error_passes_through(storage: Storage) -> None:
    # An OSError of the caller once became ObjectNotFound of the store.
    put(storage, "one", CONTENT)
    error = FileNotFoundError("the caller's file")

    with pytest.raises(FileNotFoundError) as caught, storage.open_read("one"):
        raise error

    assert caught.value is error


def test_absent_object(storage: Storage) -> None:
    put(storage, "wals/one")

    for key in ("two", "wals/two", "other/one", "wals"):
        with pytest.raises(ObjectNotFound, match=key):
            storage.stat(key)
        with pytest.raises(ObjectNotFound, match=key), storage.open_read(key):
            pass


def test_key_below_an_object(store: StoreUnderTest) -> None:
    storage = store.open("main")
    put(storage, "wals/one")

    with pytest.raises(ObjectNotFound):
        storage.stat("wals/one/two")
    with pytest.raises(ObjectNotFound), storage.open_read("wals/one/two"):
        pass


def test_object_being_read_outlives_its_deletion_or_breaks_loudly(
    storage: Storage,
) -> None:
    put(storage, "one", CONTENT)

    with storage.open_read("one") as source:
        storage.delete_objects(["one"])
        assert read_exactly(source, 1000) == CONTENT


def test_large_object_through_copy_stream(storage: Storage) -> None:
    content = CONTENT * 50_000
    put(storage, "large", content)

    with (
        storage.open_read("large") as source,
        storage.open_write("copy", at_most=len(content)) as sink,
    ):
        assert copy_stream(source, sink) == len(content)

    with storage.open_read("copy") as source:
        assert source.read() == content
