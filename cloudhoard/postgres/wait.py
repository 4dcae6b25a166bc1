"""Waiting for libpq so that a signal's exception gets through at once.

A plain psycopg2 call waits inside libpq: Python's signal handlers run only when it
returns, which may be a checkpoint later.
"""

import contextlib
import select
import threading
import time
from typing import Final

import psycopg2.extensions
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE

_CANCEL_SECONDS: Final = 5.0
"""How long we let the server take to hear of a cancellation."""

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

    An exception (a signal's, a timeout) cancels the call at the server first.
    """
    try:
        while (state := connection.poll()) != POLL_OK:
            _wait_for_socket(connection.fileno(), state)
    except psycopg2.Error:
        raise
    except BaseException:
        _cancel(connection)
        raise


def _wait_for_socket(descriptor: int, state: int) -> None:
    reading = [descriptor] if state == POLL_READ else []
    writing = [descriptor] if state == POLL_WRITE else []
    while True:
        ready = select.select(reading, writing, [], _SLICE_SECONDS)
        if ready[0] or ready[1]:
            return
        if patience.until is not None and time.monotonic() > patience.until:
            raise TimedOut


def _cancel(connection: psycopg2.extensions.connection) -> None:
    """Ask the server to give up what connection waits for; never raises.

    In a thread, and not for long: PQcancel itself waits for the server, which may be
    what hangs.
    """

    def quietly() -> None:
        # No connection yet, or none any more: nothing to cancel.
        with contextlib.suppress(psycopg2.Error):
            connection.cancel()

    thread = threading.Thread(target=quietly, name="cancel", daemon=True)
    thread.start()
    thread.join(_CANCEL_SECONDS)


def install() -> None:
    """Let every psycopg2 connection of this process wait by wait()."""
    psycopg2.extensions.set_wait_callback(wait)
