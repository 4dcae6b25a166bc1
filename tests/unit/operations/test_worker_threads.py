import signal
import sys
import threading
import time
from types import FrameType

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


def test_an_interruption_between_two_starts_ends_those_that_run() -> None:
    # A signal's exception came out of Thread.start(), before anybody looked for it,
    # and the process ended with uploads half-way.
    class Interrupted(BaseException):
        pass

    ended = threading.Event()

    def work() -> None:
        try:
            while True:
                workers.check()
                time.sleep(0.001)
        finally:
            ended.set()

    workers = WorkerThreads(2, work, name="test")

    def interrupt(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(Interrupted):
            _interrupted_at_second_start(workers)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert ended.is_set()


def _interrupted_at_second_start(workers: WorkerThreads) -> None:
    """Run workers; the signal comes as the second thread is being started."""
    starts = 0

    def trace(frame: FrameType, event: str, _argument: object) -> None:
        nonlocal starts
        if event == "call" and frame.f_code is threading.Thread.start.__code__:
            starts += 1
            if starts == 2:
                signal.raise_signal(signal.SIGUSR1)

    sys.setprofile(trace)
    try:
        workers.run()
    finally:
        sys.setprofile(None)
