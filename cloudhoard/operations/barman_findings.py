"""What the threads of a restore find in barman-cloud's tars that is no plain file."""

import logging
import threading
from typing import Final

from cloudhoard.domain.barman_backup import BarmanVolume
from cloudhoard.domain.restored_path import shown_path
from cloudhoard.errors import DamagedError, OperationFailed

LARGEST_HELD: Final = 16 << 20
"""Bytes of a file that is held: configuration and labels are small."""

_log = logging.getLogger(__name__)


class Findings:
    """Counts, and the files that are held back; threads share it."""

    def __init__(self, *, skip_links: bool) -> None:
        self._skip_links = skip_links
        self._lock = threading.Lock()
        self._held: dict[bytes, tuple[int, bytes]] = {}
        self.files = 0
        """That have been written, as have been so many bytes."""
        self.size = 0

    def count(self, size: int) -> None:
        """Count a file of so many bytes."""
        with self._lock:
            self.files += 1
            self.size += size

    def hold(self, name: bytes, volume: BarmanVolume, content: bytes) -> None:
        """Keep a file of the data directory that a later one replaces.

        Files of one volume have to come in their order.
        """
        if len(content) > LARGEST_HELD:
            raise DamagedError(
                f"{shown_path(name)} is larger than {LARGEST_HELD} bytes"
            )
        with self._lock:
            index, _ = self._held.get(name, (-1, b""))
            if index <= volume.index:
                self._held[name] = volume.index, content
        if index >= 0:
            _log.info("%s comes twice, of which the last one counts", shown_path(name))

    @property
    def held(self) -> dict[bytes, bytes]:
        """The files that count, by name."""
        return {name: content for name, (_, content) in self._held.items()}

    def link(self, volume: BarmanVolume, name: bytes, kind: str) -> None:
        """Pass over a link or a pipe.

        Raises:
            OperationFailed: it must not be passed over.
        """
        if not self._skip_links:
            raise OperationFailed(
                f"{volume.key}: {shown_path(name)} is {kind}, and what it stood for is"
                " not in the backup",
                hint="--skip-links restores the backup without links and pipes, and"
                " names each of them",
            )
        _log.warning("%s is %s, and is left out", shown_path(name), kind)
