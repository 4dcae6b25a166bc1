"""The lines of a backup_manifest as they come, numbered and hashed."""

import hashlib
from typing import Final

from cloudhoard.errors import InvalidFormat
from cloudhoard.streams import ByteSource

LONGEST_LINE: Final = 1 << 16
"""Bytes: a path of 4096 bytes with each of them escaped is less than half of it."""

_READ_SIZE: Final = 1 << 18


class ManifestLines:
    """Gives a source's lines one by one, none longer than LONGEST_LINE."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._buffer = b""
        self._position = 0
        self._number = 0
        self._line = b""
        self._hash = hashlib.sha256()

    def next(self) -> bytes:
        """Return the next line with its line feed; b"" where the source has ended.

        Raises:
            InvalidFormat: the line is too long, or the source ends inside it.
        """
        self._hash.update(self._line)
        self._number += 1
        end = self._buffer.find(b"\n", self._position)
        if end < 0:
            end = self._fill()
        line = self._buffer[self._position : end + 1]
        self._position = end + 1
        if len(line) > LONGEST_LINE:
            raise self._too_long()
        self._line = line
        return line

    def expect(self, line: bytes) -> None:
        """Take the next line, which must be line."""
        if self.next() != line:
            wanted = line.rstrip().decode()
            raise self.unexpected(f"not the expected {wanted!r}")

    def expect_end(self) -> None:
        """Make sure that nothing follows."""
        if self.next():
            raise self.unexpected("text after the manifest's end")

    def sha256_before(self) -> str:
        """Return the hash, in hexadecimal, of all lines before the present one."""
        return self._hash.hexdigest()

    def unexpected(self, what: str) -> InvalidFormat:
        """Return the error that says what the present line holds."""
        if not self._line:
            return InvalidFormat(f"backup_manifest ends before line {self._number}")
        return InvalidFormat(f"line {self._number} of backup_manifest holds {what}")

    def _fill(self) -> int:
        """Read until the buffer holds a line feed; return where, or -1 at the end."""
        kept = [self._buffer[self._position :]]
        size = len(kept[0])
        self._position = 0
        while size <= LONGEST_LINE and (block := self._source.read(_READ_SIZE)):
            kept.append(block)
            size += len(block)
            if b"\n" in block:
                break
        self._buffer = b"".join(kept)
        end = self._buffer.find(b"\n")
        if end < 0 and size > LONGEST_LINE:
            raise self._too_long()
        if end < 0 and size:
            raise InvalidFormat(f"backup_manifest ends inside line {self._number}")
        return end

    def _too_long(self) -> InvalidFormat:
        return InvalidFormat(
            f"line {self._number} of backup_manifest is longer than"
            f" {LONGEST_LINE} bytes"
        )
