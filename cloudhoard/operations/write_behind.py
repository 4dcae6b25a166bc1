"""A sink that is written to by a thread of its own, one block behind."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cloudhoard.streams import ByteSink, BytesLike


@contextmanager
def write_behind(sink: ByteSink) -> Iterator[ByteSink]:
    """Let the next block be made ready while the last one is written to sink.

    Unlike other sinks it uses what it is given after write() has returned, until the
    next write() returns: fill two buffers by turns.  Errors of sink are raised by
    the write() after, at the latest at the end of the block.  When the block has
    been left nothing touches sink any more.
    """
    stage = _WriteBehind(sink)
    try:
        yield stage
        stage.wait()
    finally:
        stage.close()


class _WriteBehind:
    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._changed = threading.Condition()
        self._block: BytesLike | None = None
        self._error: BaseException | None = None
        self._closed = False
        # A daemon: one that hangs in a store's call does not keep the process.
        self._thread = threading.Thread(
            target=self._run, name=f"{threading.current_thread().name}, sending"
        )
        self._thread.daemon = True
        self._thread.start()

    def write(self, data: BytesLike, /) -> int:
        with self._changed:
            self._wait_until_idle()
            self._block = data
            self._changed.notify_all()
        return len(data)

    def wait(self) -> None:
        """Return when everything has been written."""
        with self._changed:
            self._wait_until_idle()

    def close(self) -> None:
        """End the thread, after the block that it is writing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _wait_until_idle(self) -> None:
        self._changed.wait_for(lambda: self._block is None or self._error is not None)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (block := self._next_block()) is not None:
            try:
                self._sink.write(block)
            except BaseException as error:  # noqa: BLE001 - raised again by write()
                self._end(error)
                return
            self._end(None)

    def _next_block(self) -> BytesLike | None:
        with self._changed:
            self._changed.wait_for(lambda: self._block is not None or self._closed)
            return self._block

    def _end(self, error: BaseException | None) -> None:
        with self._changed:
            self._block = None
            self._error = error
            self._changed.notify_all()
