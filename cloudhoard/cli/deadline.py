"""A limit to the time of a whole command, which nothing that hangs can hold up.

The time-outs of a connection limit its silence, not the command: a store may stall in
each of many requests, or send a byte now and then. So a thread watches the clock. A
little before the deadline it has the main thread unwind, as a signal does; at the
deadline it ends the process, whatever the other threads are at.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from cloudhoard.cli.signals import Interrupted
from cloudhoard.storage.errors import StorageUnavailable
from cloudhoard.storage.in_progress import OPERATIONS

_LONGEST_GRACE: Final = 10.0
_GRACE: Final = 0.1
"""The part of the time that is left for ending in order."""
_LAST_WORDS: Final = 1.0
"""Seconds for a message that nobody may be reading."""


class DeadlinePassed(StorageUnavailable):
    """The command has taken as long as it may."""


@contextmanager
def deadline(
    seconds: float,
    *,
    exit_code: Callable[[BaseException], int],
    report: Callable[[Exception, int], object],
) -> Iterator[None]:
    """Have the block end in time; within signals.signals_as_interrupted.

    Where it does not end when it is told to, report gets the error with its
    exit_code, and the process ends with that.

    Raises:
        DeadlinePassed: the time is over; names what was going on in the store.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only a main thread can be told to unwind
        return
    watch = _Watch(seconds, exit_code, report)
    watch.start()
    try:
        try:
            yield
        finally:
            watch.stop()  # the alarm may still go off in here
    except Interrupted as interrupted:
        if interrupted.number is signal.SIGALRM and watch.error is not None:
            raise watch.error from interrupted
        raise


class _Watch:
    """The thread that looks at the clock."""

    def __init__(
        self,
        seconds: float,
        exit_code: Callable[[BaseException], int],
        report: Callable[[Exception, int], object],
    ) -> None:
        self.error: DeadlinePassed | None = None
        self._seconds = seconds
        self._grace = min(_LONGEST_GRACE, _GRACE * seconds)
        self._exit_code = exit_code
        self._report = report
        self._main = threading.main_thread().ident or 0
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the process live on; nothing is sent to it afterwards."""
        with self._lock:
            self._stopped.set()

    def _watch(self) -> None:
        if self._stopped.wait(self._seconds - self._grace):
            return
        with self._lock:
            if self._stopped.is_set():
                return
            self.error = self._explained()
            signal.pthread_kill(self._main, signal.SIGALRM)
        if not self._stopped.wait(self._grace):
            self._end(self.error)

    def _explained(self) -> DeadlinePassed:
        what = OPERATIONS.oldest()
        message = f"the deadline of {self._seconds:g} s has passed"
        if what is not None:
            message = f"cannot {what}: {message}"
        hint = "find out why the store is slow, or give more time by --deadline"
        return DeadlinePassed(message, hint=hint)

    def _end(self, error: DeadlinePassed) -> None:
        code = self._exit_code(error)
        words = threading.Thread(target=self._report, args=(error, code), daemon=True)
        words.start()
        words.join(_LAST_WORDS)
        os._exit(code)
