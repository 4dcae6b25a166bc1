"""Asking again what a store could not answer."""

import logging
import time
from collections.abc import Callable
from typing import Final

from cloudhoard.errors import DamagedError
from cloudhoard.storage.errors import ObjectNotFound, StorageError

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0

_log = logging.getLogger(__name__)


def retried(attempt: Callable[[], None], *, seconds: float) -> None:
    """Call attempt until it gives an answer, for some seconds at most.

    An absent object is an answer, and so is every error that is not the archive's.

    Raises:
        StorageError, DamagedError: as the last attempt.
    """
    ends_at = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except ObjectNotFound:
            raise
        except (StorageError, DamagedError) as error:
            left = ends_at - time.monotonic()
            if left <= 0:
                raise
            _log.warning("%s; asking again", error)
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)
