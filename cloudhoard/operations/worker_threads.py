"""Several threads at one job, of which the first that fails ends the others."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
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
        # Not a condition: a signal's exception between taking its lock and the
        # block that gives it back would leave it locked, and every thread waiting.
        self._outcomes: SimpleQueue[BaseException | None] = SimpleQueue()
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
        try:
            for thread in self._threads:
                thread.start()
            for _ in self._threads:
                self._wait(every, check)
        except BaseException:
            self._end()
            raise

    def _run(self) -> None:
        outcome: BaseException | None = None
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - it is raised again in run()
            outcome = error
        self._outcomes.put(outcome)

    def _wait(self, every: float | None, check: Callable[[], None] | None) -> None:
        """Wait until one more thread has ended; raise what it failed with."""
        while True:
            try:
                outcome = self._outcomes.get(timeout=every)
            except Empty:
                if check is not None:
                    check()
                continue
            if outcome is not None:
                raise outcome
            return

    def _end(self) -> None:
        self._cancellation.request()
        until = time.monotonic() + _GRACE_SECONDS
        for thread in self._threads:
            if thread.ident is not None:  # it may not have come to be started
                thread.join(max(0.0, until - time.monotonic()))
