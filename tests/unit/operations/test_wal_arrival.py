import threading
import time

import pytest

from cloudhoard.operations.wal_arrival import WalNotArchived, wait_for_wal
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.errors import ContainerNotFound

DIRECTORY = "wals/0000000200000000"


def name(number: int) -> str:
    return f"00000002{number // 256:08X}{number % 256:08X}"


def storage_with(*keys: str) -> MemoryStorage:
    storage = MemoryStorage(MemoryContainer())
    for key in keys:
        put(storage, key)
    return storage


def put(storage: MemoryStorage, key: str) -> None:
    with storage.open_write(key, at_most=1) as sink:
        sink.write(b"x")


def wait(storage: MemoryStorage, *names: str, timeout: float = 0) -> None:
    wait_for_wal(
        storage, iter(names), timeout=timeout, archiver_status=lambda: "it said so"
    )


def test_returns_when_all_is_there_under_whatever_suffix() -> None:
    wait(
        storage_with(
            "wals/00000002.history.zst",
            f"{DIRECTORY}/{name(3)}",
            f"{DIRECTORY}/{name(4)}.zst.enc",
            f"{DIRECTORY}/{name(5)}.gz",
        ),
        "00000002.history",
        *map(name, (3, 4, 5)),
    )


def test_segments_are_followed_into_the_next_directory() -> None:
    names = [name(number) for number in range(200, 600)]

    wait(storage_with(*(f"wals/{each[:16]}/{each}.zst" for each in names)), *names)


def test_missing_segment_and_what_the_archiver_says_are_in_the_message() -> None:
    storage = storage_with(f"{DIRECTORY}/{name(3)}", f"{DIRECTORY}/{name(5)}")

    with pytest.raises(WalNotArchived, match=rf"{name(4)}.*\(it said so\)"):
        wait(storage, *map(name, (3, 4, 5)))


def test_partial_segment_and_other_timelines_do_not_count() -> None:
    storage = storage_with(
        f"{DIRECTORY}/{name(3)}.partial",
        f"{DIRECTORY}/{name(3)}.00000028.backup",
        f"wals/0000000100000000/00000001{name(3)[8:]}",
    )

    with pytest.raises(WalNotArchived):
        wait(storage, name(3))


def test_history_that_is_missing_is_missed() -> None:
    with pytest.raises(WalNotArchived, match=r"00000002\.history"):
        wait(storage_with(f"{DIRECTORY}/{name(3)}"), "00000002.history", name(3))


def test_segment_that_arrives_later_is_waited_for() -> None:
    storage = storage_with(f"{DIRECTORY}/{name(3)}")
    late = threading.Timer(0.4, put, [storage, f"{DIRECTORY}/{name(4)}"])
    late.start()
    began = time.monotonic()

    wait(storage, *map(name, (3, 4)), timeout=20)

    assert 0.3 < time.monotonic() - began < 5
    late.join()


def test_store_that_is_not_there_is_not_waited_for() -> None:
    storage = MemoryStorage(MemoryContainer(exists=False))

    with pytest.raises(ContainerNotFound):
        wait(storage, name(3), timeout=20)
