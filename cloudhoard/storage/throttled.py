"""A storage that takes and gives no more than so many bytes per second."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from cloudhoard.storage.protocol import Storage
from cloudhoard.storage.wrapped import WrappedStorage
from cloudhoard.streams import ByteSink, BytesLike, ByteSource

_PIECES_PER_SECOND: Final = 20
"""How finely the stream is cut: a stop request waits for one piece at most."""


class Throttle:
    """One rate that any number of threads share."""

    def __init__(
        self,
        bytes_per_second: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.piece_size = max(1, bytes_per_second // _PIECES_PER_SECOND)
        """Bytes to ask for at a time, at most."""
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()

    def wait_for(self, size: int) -> None:
        """Return when size bytes may be moved."""
        with self._lock:
            now = self._clock()
            starts_at = max(now, self._free_at)
            self._free_at = starts_at + size / self._rate
        if starts_at > now:
            self._sleep(starts_at - now)


class ThrottledStorage(WrappedStorage):
    """Another storage, with the bytes of objects through a throttle."""

    def __init__(self, storage: Storage, throttle: Throttle) -> None:
        super().__init__(storage)
        self._throttle = throttle

    @contextmanager
    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[ByteSource]:
        """As the other storage, slower."""
        with self._storage.open_read(key, offset=offset, length=length) as source:
            yield _ThrottledSource(source, self._throttle)

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        """As the other storage, slower."""
        with self._storage.open_write(
            key, at_most=at_most, overwrite=overwrite
        ) as sink:
            yield _ThrottledSink(sink, self._throttle)


class _ThrottledSource:
    def __init__(self, source: ByteSource, throttle: Throttle) -> None:
        self._source = source
        self._throttle = throttle

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            piece = self._throttle.piece_size
            return b"".join(iter(lambda: self.read(piece), b""))
        block = self._source.read(min(size, self._throttle.piece_size))
        self._throttle.wait_for(len(block))
        return block


class _ThrottledSink:
    def __init__(self, sink: ByteSink, throttle: Throttle) -> None:
        self._sink = sink
        self._throttle = throttle

    def write(self, data: BytesLike, /) -> int:
        piece = self._throttle.piece_size
        with memoryview(data).cast("B") as view:
            for start in range(0, len(view), piece):
                block = view[start : start + piece]
                self._throttle.wait_for(len(block))
                self._sink.write(block)
            return len(view)
