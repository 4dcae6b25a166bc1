"""Reads some of an encrypted object's payload, fetching only the chunks it lies in."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag

from cloudhoard.codec.container_layout import (
    END_MARK,
    LARGEST_HEADER,
    TAG_SIZE,
    TRAILER_SIZE,
    body_size,
    chunk_count,
    chunk_nonce,
)
from cloudhoard.codec.container_opening import Opening, open_header
from cloudhoard.codec.container_reader import read_header
from cloudhoard.codec.errors import CutShort, Damaged
from cloudhoard.streams import ByteSource, read_exactly

OpenRange: TypeAlias = Callable[[int, int], AbstractContextManager[ByteSource]]
"""Opens so many bytes (second) of the object from an offset (first)."""

_FIRST_READ: Final = LARGEST_HEADER


class RandomReader:
    """Gives any part of an object's payload; three requests for the first one.

    Each chunk is authentic in itself and in its place. The payload's size is proven
    only when a part up to its end is read, as is that nothing is missing there. The
    SHA-256 of the object is not checked: it takes the whole object.
    """

    def __init__(
        self, open_range: OpenRange, stored_size: int, opening: Opening
    ) -> None:
        """Read the header and the trailer, and check the header.

        Raises:
            CutShort: there is no end mark where it must be.
            Damaged, UnknownFormat: the object is not laid out as it must be.
            NoPrivateKey, NotTrusted, WrongObject: as container_opening.open_header.
        """
        self._open_range = open_range
        self._name = opening.name
        payload_size = self._read_trailer(stored_size)
        with open_range(0, min(_FIRST_READ, stored_size)) as source:
            self.header = read_header(source, name=opening.name)
        body = stored_size - len(self.header.data) - TRAILER_SIZE
        if body != body_size(payload_size, self.header.chunk_size):
            raise Damaged(f"{self._name} is damaged: its length is another")
        self.payload_size = payload_size
        """Bytes that were encrypted, unproven until the last of them is read."""
        self._cipher = open_header(self.header, opening)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return size payload bytes from offset, fewer only where the payload ends.

        Raises:
            CutShort: the object ends before it said it would.
            Damaged: a chunk is not authentic.
        """
        end = min(offset + size, self.payload_size)
        if offset >= end:
            return b""
        chunk_size = self.header.chunk_size
        first, last = offset // chunk_size, (end - 1) // chunk_size
        stored = chunk_size + TAG_SIZE
        start = len(self.header.data) + first * stored
        with self._open_range(start, (last + 1 - first) * stored) as source:
            chunks = [self._chunk(source, number) for number in range(first, last + 1)]
        skipped = first * chunk_size
        return b"".join(chunks)[offset - skipped : end - skipped]

    def _read_trailer(self, stored_size: int) -> int:
        """Return the payload's length as the trailer has it."""
        offset = max(stored_size - TRAILER_SIZE, 0)
        with self._open_range(offset, TRAILER_SIZE) as source:
            trailer = read_exactly(source, TRAILER_SIZE)
        if len(trailer) < TRAILER_SIZE or not trailer.startswith(END_MARK):
            raise CutShort(
                f"{self._name} is cut short or added to: it does not end in an end mark"
            )
        return int.from_bytes(trailer[8:16], "big")

    def _chunk(self, source: ByteSource, number: int) -> bytes:
        chunk_size = self.header.chunk_size
        is_last = number == chunk_count(self.payload_size, chunk_size) - 1
        size = self.payload_size - number * chunk_size if is_last else chunk_size
        sealed = read_exactly(source, size + TAG_SIZE)
        if len(sealed) < size + TAG_SIZE:
            raise CutShort(f"{self._name} is cut short: it ends in chunk {number}")
        try:
            nonce = chunk_nonce(number, is_last=is_last)
            return self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag as error:
            raise Damaged(
                f"{self._name} is damaged or forged: chunk {number} is not authentic"
            ) from error
