"""A progress bar on stderr, where a person is looking at it."""

import sys
import threading
import time
from types import TracebackType
from typing import Final, Self, TextIO

from cloudhoard.cli.output import binary_size

_REDRAW_SECONDS: Final = 0.2
_BAR_WIDTH: Final = 30


class Progress:
    """Counts bytes done by any number of threads; draws on a terminal only.

    A context manager: leaving the block removes the bar.
    """

    def __init__(
        self,
        total_bytes: int | None,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        """Begin to count; total_bytes is None where the end is not known."""
        self._total = total_bytes
        self._stream = sys.stderr if stream is None else stream
        self._drawing = not quiet and self._stream is not None and self._stream.isatty()
        self._lock = threading.Lock()
        self._done = 0
        self._started = self._drawn = time.monotonic()

    @property
    def done_bytes(self) -> int:
        """Bytes done so far."""
        return self._done

    def advance(self, size: int) -> None:
        """Count size more bytes as done; safe to call from any thread."""
        with self._lock:
            self._done += size
            now = time.monotonic()
            if self._drawing and now - self._drawn >= _REDRAW_SECONDS:
                self._drawn = now
                self._write(f"\r\x1b[K{self._bar(now - self._started)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawing:
            with self._lock:
                self._write("\r\x1b[K")
                self._drawing = False

    def _bar(self, elapsed: float) -> str:
        rate = self._done / elapsed if elapsed > 0 else 0.0
        if self._total is None:
            return f"{binary_size(self._done)}  {binary_size(int(rate))}/s"
        share = min(self._done / self._total, 1.0) if self._total > 0 else 1.0
        filled = "#" * int(share * _BAR_WIDTH)
        left = max(self._total - self._done, 0) / rate if rate > 0 else 0.0
        return (
            f"[{filled:.<{_BAR_WIDTH}}] {share:4.0%}"
            f"  {binary_size(self._done)} of {binary_size(self._total)}"
            f"  {binary_size(int(rate))}/s  {_clock(left)} left"
        )

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal has gone; the work goes on
            self._drawing = False


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
