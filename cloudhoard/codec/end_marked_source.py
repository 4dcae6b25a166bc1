"""An encrypted object's bytes, of which the last 48 are not content but its end."""

import hashlib

from cloudhoard.codec.container_layout import END_MARK, TRAILER_SIZE
from cloudhoard.codec.errors import CutShort, Damaged
from cloudhoard.streams import COPY_SIZE, BytesLike, ByteSource


class EndMarkedSource:
    """Gives an object's bytes up to its trailer, and hashes them as they come by."""

    def __init__(self, source: ByteSource, name: str) -> None:
        self._source = source
        self._name = name
        self._hash = hashlib.sha256()
        self._ahead: BytesLike = b""
        self._has_ended = False
        self.taken = 0
        """Bytes given so far."""

    def take(self, size: int) -> memoryview:
        """Return the next size bytes, or fewer only where the trailer begins.

        The view stays valid; nobody writes to what is below it.
        """
        self._read_ahead(size + TRAILER_SIZE + 1)
        available = max(len(self._ahead) - TRAILER_SIZE, 0)
        size = min(size, available)
        view = memoryview(self._ahead)
        self._ahead = view[size:]
        self._hash.update(view[:size])
        self.taken += size
        return view[:size]

    @property
    def is_at_trailer(self) -> bool:
        """Whether the last take() gave all that was left before the trailer."""
        return self._has_ended and len(self._ahead) <= TRAILER_SIZE

    def check_end(self) -> int:
        """Read what is left, check the trailer, and return the payload's length.

        Raises:
            CutShort: there is no end mark where it must be.
            Damaged: the SHA-256 is not that of the bytes before.
        """
        while self.take(COPY_SIZE):
            pass
        trailer = bytes(self._ahead)
        if len(trailer) < TRAILER_SIZE or not trailer.startswith(END_MARK):
            raise CutShort(
                f"{self._name} is cut short or added to: it does not end in an end mark"
            )
        self._hash.update(trailer[:16])
        if self._hash.digest() != trailer[16:]:
            raise Damaged(f"{self._name} is damaged: its SHA-256 is another")
        return int.from_bytes(trailer[8:16], "big")

    def _read_ahead(self, wanted: int) -> None:
        blocks = [self._ahead]
        missing = wanted - len(self._ahead)
        while missing > 0 and not self._has_ended:
            block = self._source.read(max(missing, TRAILER_SIZE))
            self._has_ended = not block
            blocks.append(block)
            missing -= len(block)
        if len(blocks) > 1:
            self._ahead = b"".join(blocks)
