"""Waiting until the WAL that a backup needs is in the archive."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Final

from cloudhoard.domain.archive_layout import (
    parse_wal_key,
    wal_directory,
    wal_key,
)
from cloudhoard.errors import OperationFailed
from cloudhoard.storage.errors import StorageUnavailable
from cloudhoard.storage.protocol import ReadableStorage

_log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_PATIENCE_SECONDS: Final = 60.0
"""After so long a silence we say what we are waiting for."""


class WalNotArchived(OperationFailed):
    """WAL that a backup needs did not arrive in time."""


def wait_for_wal(
    storage: ReadableStorage,
    names: Iterator[str],
    *,
    timeout: float,
    archiver_status: Callable[[], str],
) -> None:
    """Return when every WAL file of names, which come in order, is in the archive.

    A store that cannot be reached is asked again until the time is over.

    Raises:
        WalNotArchived: one is not there after timeout seconds; its name and
            archiver_status() are in the message.
        StorageUnavailable: at the end of that time the store still gave no answer.
    """
    arrivals = _Arrivals(storage, names)
    began = told = time.monotonic()
    pause = _FIRST_PAUSE
    while (missing := _ask(arrivals, last=_over(began, timeout))) is not None:
        if _over(began, timeout):
            raise WalNotArchived(
                f"{missing}, which the backup needs, is not in {storage.location}"
                f" after {timeout:g} s of waiting ({archiver_status()})",
                hint="the server's log says why archive_command fails; it must archive"
                " to the same URL and SERVER_NAME as the backup",
            )
        if time.monotonic() - told > _PATIENCE_SECONDS:
            told = time.monotonic()
            _log.warning(
                "still waiting for %s in %s, where archive_command must store it (%s)",
                missing,
                storage.location,
                archiver_status(),
            )
        time.sleep(max(0.0, min(pause, began + timeout - time.monotonic())))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _over(began: float, timeout: float) -> bool:
    return time.monotonic() >= began + timeout


def _ask(arrivals: "_Arrivals", *, last: bool) -> str | None:
    try:
        return arrivals.first_missing()
    except StorageUnavailable as error:
        if last:
            raise
        _log.warning("asking again: %s", error)
        return arrivals.waiting_for


class _Arrivals:
    """The names that have not been seen in the archive yet, from the first one on."""

    def __init__(self, storage: ReadableStorage, names: Iterator[str]) -> None:
        self._storage = storage
        self._names = names
        self.waiting_for = next(names, None)

    def first_missing(self) -> str | None:
        """Return the first name that is not there; one listing per 256 segments."""
        while self.waiting_for is not None:
            present = self._present_from(self.waiting_for)
            if self.waiting_for not in present:
                return self.waiting_for
            while self.waiting_for in present:
                self.waiting_for = next(self._names, None)
        return None

    def _present_from(self, name: str) -> frozenset[str]:
        """Name, if it is there, and what comes after it in the same directory."""
        key = wal_key(name)
        if name.endswith(".history"):
            listed = self._storage.list_objects(key)
        else:
            listed = self._storage.list_objects(
                wal_directory(name), start_after=key[:-1]
            )
        found = (parse_wal_key(info.key) for info in listed)
        return frozenset(wal.name for wal in found if wal is not None)
