import threading
from datetime import UTC, datetime, timedelta

import pytest

from cloudhoard.storage.errors import ObjectExists, ObjectNotFound, StorageError
from cloudhoard.storage.protocol import Storage
from tests.support.stores import StoreUnderTest, get, keys, put

MIB = 1 << 20


class CallersError(Exception):
    pass


def test_committed_object_is_read_back_by_another_client(store: StoreUnderTest) -> None:
    put(store.open("main"), "wals/one.zst", b"first")

    assert get(store.open("main"), "wals/one.zst") == b"first"


def test_object_of_many_writes_and_kinds_of_buffer(storage: Storage) -> None:
    block = bytes(range(256)) * (MIB // 256)
    with storage.open_write("base/a/data.tar", at_most=20 * MIB) as sink:
        for _ in range(9):
            assert sink.write(block) == MIB
            assert sink.write(bytearray(block)) == MIB
        assert sink.write(memoryview(block)) == MIB
        assert sink.write(b"") == 0

    assert storage.stat("base/a/data.tar").size == 19 * MIB
    assert get(storage, "base/a/data.tar") == block * 19


def test_buffer_may_be_reused_after_a_write(storage: Storage) -> None:
    buffer = bytearray(b"first.")
    with storage.open_write("one", at_most=12) as sink:
        sink.write(buffer)
        buffer[:] = b"second"
        sink.write(buffer)

    assert get(storage, "one") == b"first.second"


def test_empty_object(storage: Storage) -> None:
    put(storage, "empty", b"")

    assert storage.stat("empty").size == 0
    assert get(storage, "empty") == b""
    assert keys(storage) == ["empty"]


def test_nothing_is_seen_until_the_commit(store: StoreUnderTest) -> None:
    other = store.open("main")
    with store.open("main").open_write("wals/one", at_most=100) as sink:
        sink.write(b"half")

        assert keys(other) == []
        with pytest.raises(ObjectNotFound):
            other.stat("wals/one")
        with pytest.raises(ObjectNotFound):
            get(other, "wals/one")

    assert keys(other) == ["wals/one"]


@pytest.mark.parametrize(
    "error", [CallersError(), FileNotFoundError("theirs"), KeyboardInterrupt()]
)
def test_callers_error_passes_through_and_nothing_is_stored(
    storage: Storage, error: BaseException
) -> None:
    with (
        pytest.raises(type(error)) as caught,
        storage.open_write("wals/one", at_most=100) as sink,
    ):
        sink.write(b"half")
        raise error

    assert caught.value is error
    assert keys(storage) == []
    put(storage, "wals/one", b"whole")
    assert get(storage, "wals/one") == b"whole"


def test_more_than_announced_is_refused_and_nothing_is_stored(storage: Storage) -> None:
    with (
        pytest.raises(StorageError, match=r"more|larger"),
        storage.open_write("wals/one", at_most=10) as sink,
    ):
        sink.write(b"0123456789")
        sink.write(b"x")

    assert keys(storage) == []


def test_existing_object_is_never_replaced(storage: Storage) -> None:
    put(storage, "wals/one", b"first")

    with pytest.raises(ObjectExists, match="wals/one"):
        put(storage, "wals/one", b"second")

    assert get(storage, "wals/one") == b"first"


def test_object_that_appears_during_an_upload_is_not_replaced(
    store: StoreUnderTest,
) -> None:
    with (
        pytest.raises(ObjectExists, match="wals/one"),
        store.open("main").open_write("wals/one", at_most=10) as sink,
    ):
        sink.write(b"slow")
        put(store.open("main"), "wals/one", b"fast")

    assert get(store.open("main"), "wals/one") == b"fast"
    assert keys(store.open("main")) == ["wals/one"]


def test_large_object_is_not_replaced_where_conditions_are_trusted(
    store: StoreUnderTest,
) -> None:
    storage = store.open("main")
    storage.trust_conditions(honoured=store.capabilities.exclusive_create != "no")
    with (
        pytest.raises(ObjectExists, match=r"base/a/data\.tar"),
        storage.open_write("base/a/data.tar", at_most=8 * MIB) as sink,
    ):
        sink.write(bytes(7 * MIB))
        put(store.open("main"), "base/a/data.tar", b"fast")

    assert get(store.open("main"), "base/a/data.tar") == b"fast"


def test_overwrite_replaces_the_whole_object(storage: Storage) -> None:
    put(storage, "keep", b"a long first content")
    with storage.open_write("keep", at_most=6, overwrite=True) as sink:
        sink.write(b"second")

    assert get(storage, "keep") == b"second"
    assert keys(storage) == ["keep"]


def test_failed_overwrite_leaves_the_former_object(storage: Storage) -> None:
    put(storage, "keep", b"first")

    with (
        pytest.raises(CallersError),
        storage.open_write("keep", at_most=6, overwrite=True) as sink,
    ):
        sink.write(b"second")
        raise CallersError

    assert get(storage, "keep") == b"first"


def test_when_writers_race_exactly_one_wins(store: StoreUnderTest) -> None:
    if store.capabilities.exclusive_create == "no":
        pytest.skip("declared: no exclusive create")
    writers = 8
    barrier = threading.Barrier(writers)
    winners: list[bytes] = []
    losers: list[ObjectExists] = []

    def write(content: bytes) -> None:
        try:
            with store.open("main").open_write("wals/one", at_most=100) as sink:
                sink.write(content)
                barrier.wait()
            winners.append(content)
        except ObjectExists as error:
            losers.append(error)

    threads = [
        threading.Thread(target=write, args=(b"%d" % n,)) for n in range(writers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(winners), len(losers)) == (1, writers - 1)
    assert get(store.open("main"), "wals/one") == winners[0]
    assert keys(store.open("main")) == ["wals/one"]


def test_one_client_serves_many_threads(storage: Storage) -> None:
    names = [f"base/b/data_{n:04}.tar" for n in range(16)]
    threads = [
        threading.Thread(target=put, args=(storage, name, name.encode()))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert keys(storage) == names
    assert [get(storage, name) for name in names] == [name.encode() for name in names]


def test_stat_tells_size_and_the_moment_of_the_commit(storage: Storage) -> None:
    before = datetime.now(UTC)
    put(storage, "wals/one", b"12345")

    info = storage.stat("wals/one")

    assert (info.key, info.size) == ("wals/one", 5)
    assert info.modified.utcoffset() == timedelta(0)
    assert abs(info.modified - before) < timedelta(minutes=1)
    assert list(storage.list_objects()) == [info]
