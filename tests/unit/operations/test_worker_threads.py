import threading
import time

import pytest

from cloudhoard.operations.worker_threads import Cancelled, WorkerThreads


def test_all_threads_run_to_their_end() -> None:
    ran: list[str] = []

    WorkerThreads(
        3, lambda: ran.append(threading.current_thread().name), name="volume"
    ).run()

    assert sorted(ran) == ["volume 0", "volume 1", "volume 2"]


def test_first_error_ends_the_others_and_is_raised() -> None:
    cancelled = threading.Event()
    turns = iter([True, False])

    def work() -> None:
        if next(turns):
            raise ValueError("the first")
        try:
            while True:
                workers.check()
                time.sleep(0.001)
        except Cancelled:
            cancelled.set()
            raise

    workers = WorkerThreads(2, work, name="test")

    with pytest.raises(ValueError, match="the first"):
        workers.run()
    assert cancelled.is_set()


def test_check_is_called_meanwhile_and_its_error_ends_the_threads() -> None:
    calls: list[None] = []

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise ValueError("lost")

    def work() -> None:
        while True:
            workers.check()
            time.sleep(0.001)

    workers = WorkerThreads(2, work, name="test")

    with pytest.raises(ValueError, match="lost"):
        workers.run(every=0.01, check=check)
    assert threading.active_count() == 1 or not any(
        thread.name.startswith("test ") for thread in threading.enumerate()
    )
