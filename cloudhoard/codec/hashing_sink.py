"""Counts and hashes what is stored, on its way to the store."""

import hashlib

from cloudhoard.streams import ByteSink, BytesLike


class HashingSink:
    """A sink that passes everything on and knows its size and SHA-256."""

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: BytesLike, /) -> int:
        """Take all of data and return its length."""
        self._hash.update(data)
        written = self._sink.write(data)
        self.size += written
        return written

    def digest(self) -> bytes:
        """Return the SHA-256, 32 bytes, of all that was written so far."""
        return self._hash.digest()
