import threading
import time

import pytest

from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.throttled import Throttle, ThrottledStorage
from tests.support.stores import get, keys, put

MIB = 1 << 20


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.longest = 0.0

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.longest = max(self.longest, seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def throttled(clock: Clock, rate: int) -> ThrottledStorage:
    throttle = Throttle(rate, clock=clock.read, sleep=clock.sleep)
    return ThrottledStorage(MemoryStorage(MemoryContainer()), throttle)


def test_writing_takes_as_long_as_the_rate_says(clock: Clock) -> None:
    storage = throttled(clock, MIB)
    content = bytes(range(256)) * (10 * MIB // 256)
    put(storage, "a", content)

    assert 9.9 <= clock.now - 1000 <= 10
    assert get(storage, "a") == content


def test_reading_takes_as_long_as_the_rate_says(clock: Clock) -> None:
    storage = throttled(clock, MIB)
    put(storage, "a", bytes(5 * MIB))
    started = clock.now
    with storage.open_read("a", offset=MIB) as source:
        assert len(source.read()) == 4 * MIB

    assert 3.9 <= clock.now - started <= 4.1


def test_nobody_sleeps_for_long_at_a_time(clock: Clock) -> None:
    put(throttled(clock, 1000), "a", bytes(20_000))

    assert clock.longest <= 0.051


def test_rates_of_few_bytes_and_writes_of_none(clock: Clock) -> None:
    storage = throttled(clock, 1)
    put(storage, "a", b"123")
    put(storage, "b", b"")

    assert get(storage, "a") == b"123"
    assert keys(storage) == ["a", "b"]


def test_threads_share_one_rate() -> None:
    storage = ThrottledStorage(MemoryStorage(MemoryContainer()), Throttle(4 * MIB))
    started = time.monotonic()
    threads = [
        threading.Thread(target=put, args=(storage, name, bytes(MIB // 2)))
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 0.4 <= time.monotonic() - started < 3
    assert keys(storage) == ["a", "b", "c", "d"]


def test_an_idle_time_is_not_saved_up(clock: Clock) -> None:
    storage = throttled(clock, MIB)
    put(storage, "a", bytes(MIB))
    clock.now += 3600
    started = clock.now
    put(storage, "b", bytes(5 * MIB))

    assert clock.now - started >= 4.9


def test_everything_else_is_the_storage_below(clock: Clock) -> None:
    storage = throttled(clock, 1000)
    put(storage, "a", b"1")
    storage.check_access()

    assert storage.location == "memory://test"
    assert storage.stat("a").size == 1
    assert [info.key for info in storage.list_objects("a", start_after="A")] == ["a"]
    storage.delete_objects(["a"])
    assert keys(storage) == []
    storage.close()
