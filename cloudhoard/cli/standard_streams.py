"""Standard streams that cannot be written any more."""

import os
from typing import TextIO


def discard_the_rest(stream: TextIO) -> None:
    """Send what stream still holds, and all that follows, nowhere.

    Otherwise the interpreter, at its end, tries to write it once more, fails again
    and exits 120, whatever the exit code was meant to be; PostgreSQL would take that
    from wal-restore for the end of the WAL.
    """
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, stream.fileno())
    except (OSError, ValueError):  # not a real file
        return
    finally:
        os.close(devnull)
