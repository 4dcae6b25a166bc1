"""Waiting for libpq so that a signal's exception gets through at once.

A plain psycopg2 call waits inside libpq: Python's signal handlers run only when it
returns, which may be a checkpoint later.
"""

import select
import time
from typing import Final

import psycopg2.extensions
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE

_SLICE_SECONDS: Final = 1.0


class TimedOut(Exception):
    """The server did not answer in time; caught where the connection is used."""


class Patience:
    """How long the next call to the server may take; None: for ever.

    One for the process: libpq's wait callback is one for the process, too.
    """

    def __init__(self) -> None:
        self.until: float | None = None

    def limit(self, seconds: float | None) -> None:
        """Let calls from now on end within that many seconds in total."""
        self.until = None if seconds is None else time.monotonic() + seconds


patience: Final = Patience()


def wait(connection: psycopg2.extensions.connection) -> None:
    """Drive connection until its pending call is done.

    After an exception (a signal's, a timeout) psycopg2 closes the connection; the
    server does not hear of that while it is busy.
    """
    while (state := connection.poll()) != POLL_OK:
        _wait_for_socket(connection.fileno(), state)


def _wait_for_socket(descriptor: int, state: int) -> None:
    reading = [descriptor] if state == POLL_READ else []
    writing = [descriptor] if state == POLL_WRITE else []
    while True:
        ready = select.select(reading, writing, [], _SLICE_SECONDS)
        if ready[0] or ready[1]:
            return
        if patience.until is not None and time.monotonic() > patience.until:
            raise TimedOut


def install() -> None:
    """Let every psycopg2 connection of this process wait by wait()."""
    psycopg2.extensions.set_wait_callback(wait)
