"""What time it is in the store, as only the store's own answers tell."""

import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from cloudhoard.domain.archive_layout import CLOCK_PREFIX
from cloudhoard.domain.retention import CLOCK_TOLERANCE
from cloudhoard.errors import OperationFailed
from cloudhoard.storage.protocol import Storage

_CONTENT: Final = b"clock"
_ABANDONED_AFTER: Final = timedelta(hours=1)


def read_store_clock(storage: Storage) -> datetime:
    """Return the store's time, aware: that of an object which is stored for it.

    The object is removed again, and what killed runs have left of the kind.
    """
    key = f"{CLOCK_PREFIX}{secrets.token_hex(8)}"
    with storage.open_write(key, at_most=len(_CONTENT)) as sink:
        sink.write(_CONTENT)
    now = storage.stat(key).modified
    abandoned = (
        each.key
        for each in storage.list_objects(CLOCK_PREFIX)
        if each.modified < now - _ABANDONED_AFTER
    )
    storage.delete_objects([key, *abandoned])
    return now


class RunningClock:
    """The store's time, as it goes on since it was asked for."""

    def __init__(self, store: datetime) -> None:
        """Begin at store, aware, which was just read."""
        self._store = store
        self._here = datetime.now(UTC)
        self._ticks = time.monotonic()

    def now(self) -> datetime:
        """Return the store's time; it is rather too late than too early."""
        ticks = timedelta(seconds=time.monotonic() - self._ticks)
        # A host that slept has not ticked; one whose clock was set back has.
        return self._store + max(ticks, datetime.now(UTC) - self._here)


def check_clocks(store: datetime) -> None:
    """Return normally when this host's clock agrees with the store's, just read.

    Raises:
        OperationFailed: it does not; which backups are obsolete would be a guess.
    """
    here = datetime.now(UTC)
    difference = abs(here - store)
    if difference > CLOCK_TOLERANCE:
        raise OperationFailed(
            f"the clock of this host ({_shown(here)}) and the store's"
            f" ({_shown(store)}) differ by {difference.total_seconds():.0f} s,"
            " so what is obsolete cannot be told",
            hint="set the clock of this host",
        )


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
