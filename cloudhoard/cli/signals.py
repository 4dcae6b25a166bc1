"""Signals as an exception, so that with-blocks unwind before the command ends."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
"""SIGALRM is deadline.py's."""


class Interrupted(BaseException):
    """A signal asked the command to end.

    Not an Exception: what handles errors must not take it for one.
    """

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"interrupted by {number.name}")
        self.number = number


@contextmanager
def signals_as_interrupted() -> Iterator[None]:
    """Raise Interrupted in the main thread at the first signal that asks to end.

    Later ones are ignored, so that cleaning up is not broken off. A signal that was
    ignored when the command started (nohup, a shell's background job) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        number: handler
        for number in _ENDING
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
        or number is signal.SIGALRM
    }
    arrived = False

    def interrupt(number: int, _frame: FrameType | None) -> None:
        nonlocal arrived
        if not arrived:
            arrived = True
            raise Interrupted(signal.Signals(number))

    for number in previous:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def die_by_signal(number: signal.Signals) -> int:
    """End the process by the signal itself, as its parent expects.

    PostgreSQL takes a restore_command that died by SIGTERM for a shutdown and one
    that exited for an answer.
    """
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number  # only where the signal is blocked
