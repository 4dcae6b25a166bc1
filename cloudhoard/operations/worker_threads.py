"""Several threads at one job, of which the first that fails ends the others."""

import threading
import time
from collections.abc import Callable
from typing import Final

_GRACE_SECONDS: Final = 15.0
"""How long threads that were asked to end may take; we promise to end within 30 s."""


class Cancelled(Exception):
    """Another thread failed, or the run was interrupted: leave everything undone."""


class Cancellation:
    """A request to end, seen by everything that looks for it."""

    def __init__(self) -> None:
        self._requested = threading.Event()

    def request(self) -> None:
        """Let everybody end; cannot be taken back."""
        self._requested.set()

    def check(self) -> None:
        """Go on, or raise Cancelled."""
        if self._requested.is_set():
            raise Cancelled

    def sleep(self, seconds: float) -> None:
        """Sleep, or raise Cancelled as soon as that is requested."""
        if self._requested.wait(seconds):
            raise Cancelled


class WorkerThreads:
    """Threads that run the same function until it returns.

    They are daemons: one that hangs in a store's call does not keep the process.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[], None],
        *,
        name: str,
        cancellation: Cancellation | None = None,
    ) -> None:
        self._work = work
        self._cancellation = cancellation or Cancellation()
        self._changed = threading.Condition()
        self._running = count
        self._error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._run, name=f"{name} {number}", daemon=True)
            for number in range(count)
        ]

    def check(self) -> None:
        """Go on, or raise Cancelled; for the function to call every now and then."""
        self._cancellation.check()

    def run(
        self, *, every: float | None = None, check: Callable[[], None] | None = None
    ) -> None:
        """Run the threads to their end, calling check every so many seconds.

        Raises:
            Exception: the first error of a thread or of check, after the other
                threads have ended or 15 s have passed.
        """
        for thread in self._threads:
            thread.start()
        try:
            while not self._wait(every):
                if check is not None:
                    check()
        except BaseException:
            self._end()
            raise
        if self._error is not None:
            self._end()
            raise self._error

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._work()
        except BaseException as caught:  # noqa: BLE001 - it is raised again in run()
            error = caught
        with self._changed:
            self._running -= 1
            if error is not None and self._error is None:
                self._error = error
            self._changed.notify()

    def _wait(self, seconds: float | None) -> bool:
        """Wait until all is done or one has failed; whether that is so."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._running == 0 or self._error is not None, seconds
            )

    def _end(self) -> None:
        self._cancellation.request()
        until = time.monotonic() + _GRACE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
