import threading
import time

import pytest

from cloudhoard.operations.write_behind import write_behind
from cloudhoard.streams import BytesLike


class Slow:
    """A sink that waits for a sign before each write, and may fail at one."""

    def __init__(self, *, failing_at: int | None = None) -> None:
        self.go = threading.Semaphore(0)
        self.written: list[bytes] = []
        self._failing_at = failing_at

    def write(self, data: BytesLike, /) -> int:
        self.go.acquire()
        if len(self.written) == self._failing_at:
            raise OSError("no room")
        self.written.append(bytes(data))
        return len(data)


def test_blocks_arrive_in_order_and_all_before_the_end() -> None:
    sink = Slow()
    sink.go.release(100)
    blocks = [bytes([number]) * 1000 for number in range(100)]

    with write_behind(sink) as behind:
        for block in blocks:
            assert behind.write(block) == 1000

    assert sink.written == blocks


def test_one_block_is_written_while_the_next_is_made() -> None:
    sink = Slow()
    with write_behind(sink) as behind:
        behind.write(b"first")
        assert sink.written == []  # and yet we are here
        sink.go.release()
        behind.write(b"second")
        assert sink.written == [b"first"]
        sink.go.release()

    assert sink.written == [b"first", b"second"]


def test_error_of_the_sink_is_raised_by_the_next_write() -> None:
    sink = Slow(failing_at=1)
    sink.go.release(3)

    def fill() -> None:
        with write_behind(sink) as behind:
            for block in (b"first", b"second", b"third", b"fourth"):
                behind.write(block)

    with pytest.raises(OSError, match="no room"):
        fill()
    assert sink.written == [b"first"]


def test_error_of_the_last_write_is_raised_at_the_end() -> None:
    sink = Slow(failing_at=0)
    sink.go.release()

    def fill() -> None:
        with write_behind(sink) as behind:
            behind.write(b"only")

    with pytest.raises(OSError, match="no room"):
        fill()


def test_after_an_error_in_the_block_nothing_touches_the_sink() -> None:
    sink = Slow()
    threading.Timer(0.2, sink.go.release).start()
    threads = threading.active_count()

    def fill() -> None:
        with write_behind(sink) as behind:
            behind.write(b"first")
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        fill()
    assert sink.written == [b"first"]
    time.sleep(0.05)
    assert threading.active_count() <= threads
