"""The manifest of a backup, stored while the backup runs.

It has a line for each file and there may be millions: they are never all in memory.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from cloudhoard.codec.encoding import EncodedSink
from cloudhoard.domain.manifest import ManifestEntry, ManifestWriter, WalRange

_ENTRIES_AT_A_TIME: Final = 1000


class ManifestStream:
    """Takes the entries of whole volumes, from any thread, one block each."""

    def __init__(self, sink: EncodedSink, writer: ManifestWriter) -> None:
        self._sink = sink
        self._writer = writer
        self._lock = threading.Lock()
        self.files = 0
        """Entries so far."""
        sink.write(writer.begin())

    @contextmanager
    def block(self, entries: Sequence[ManifestEntry]) -> Iterator[None]:
        """Append a volume's entries; what the block does is done in the same order.

        Readers take the manifest apart by the volumes' numbers of files, in the
        order in which the volumes are listed.
        """
        with self._lock:
            for start in range(0, len(entries), _ENTRIES_AT_A_TIME):
                part = entries[start : start + _ENTRIES_AT_A_TIME]
                self._sink.write(self._writer.entries(part))
            self.files += len(entries)
            yield

    def finish(self, wal_range: WalRange) -> None:
        """Append the end: the WAL that the backup needs, and the checksum."""
        self._sink.write(self._writer.finish([wal_range]))
