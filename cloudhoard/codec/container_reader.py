"""Decrypts an object as it streams in; what is not authentic is never given out."""

from cryptography.exceptions import InvalidTag

from cloudhoard.codec.container_header import ContainerHeader, FixedFields
from cloudhoard.codec.container_layout import (
    FIXED_SIZE,
    TAG_SIZE,
    body_size,
    chunk_nonce,
)
from cloudhoard.codec.container_opening import Opening, open_header
from cloudhoard.codec.end_marked_source import EndMarkedSource
from cloudhoard.codec.errors import CutShort, Damaged
from cloudhoard.errors import DamagedError
from cloudhoard.streams import COPY_SIZE, ByteSource, read_exactly


def read_header(source: ByteSource, *, name: str = "the object") -> ContainerHeader:
    """Return the header at the beginning of source, unauthenticated.

    Reads no more than the header. name is the object's, for messages.

    Raises:
        CutShort: source ends before the header does.
        Damaged, UnknownFormat: it is not a header of an encrypted object.
    """
    start = read_exactly(source, FIXED_SIZE)
    if len(start) < FIXED_SIZE:
        raise CutShort(f"{name} is cut short: it ends in the header")
    fixed = FixedFields.parse(start, name)
    rest = read_exactly(source, fixed.header_size - FIXED_SIZE)
    if len(rest) < fixed.header_size - FIXED_SIZE:
        raise CutShort(f"{name} is cut short: it ends in the header")
    return ContainerHeader.parse(start + rest, name)


def check_stored(source: ByteSource, *, name: str = "the object") -> ContainerHeader:
    """Read an encrypted object whole and return its header; needs no key.

    Finds accidents, not attacks: whoever changes an object on purpose can also
    change its SHA-256. name is the object's, for messages.

    Raises:
        CutShort: it has no end where its end must be.
        Damaged: its bytes are not those that were stored.
    """
    marked = EndMarkedSource(source, name)
    try:
        header = _take_header(marked, name)
    except DamagedError:
        marked.check_end()  # knows better what happened
        raise
    payload_size = marked.check_end()
    _check_length(header, marked.taken - len(header.data), payload_size, name)
    return header


class ContainerReader:
    """A source of an encrypted object's payload, each chunk checked before it is given.

    Reading to b"" proves that the object is whole.
    """

    def __init__(self, source: ByteSource, opening: Opening) -> None:
        """Read and check the header.

        Raises:
            CutShort, Damaged, UnknownFormat: as check_stored.
            NoPrivateKey, NotTrusted, WrongObject: as open_header.
        """
        self._name = opening.name
        self._source = EndMarkedSource(source, opening.name)
        self._number = 0
        self._payload_size = 0
        self._has_ended = False
        self._chunk = memoryview(b"")
        try:
            self.header = _take_header(self._source, opening.name)
            self._cipher = open_header(self.header, opening)
        except DamagedError:
            self._source.check_end()  # an accident explains itself better there
            raise

    def read(self, size: int = -1, /) -> bytes:
        """Return at most size payload bytes; b"" only behind a proven end.

        Raises:
            CutShort, Damaged: as their names say.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(COPY_SIZE), b""))
        if not self._chunk and not self._has_ended:
            self._chunk = memoryview(self._next_chunk())
        block = self._chunk[:size]
        self._chunk = self._chunk[size:]
        return bytes(block)

    def _next_chunk(self) -> bytes:
        sealed = self._source.take(self.header.chunk_size + TAG_SIZE)
        is_last = self._source.is_at_trailer
        payload_size = self._source.check_end() if is_last else None
        try:
            nonce = chunk_nonce(self._number, is_last=is_last)
            chunk = self._cipher.decrypt(nonce, sealed, None)
        except InvalidTag as error:
            self._source.check_end()
            raise Damaged(
                f"{self._name} is damaged or forged: chunk {self._number} is not"
                " authentic"
            ) from error
        self._number += 1
        self._payload_size += len(chunk)
        if is_last:
            self._check_last(chunk, payload_size)
        return chunk

    def _check_last(self, chunk: bytes, payload_size: int | None) -> None:
        """Refuse an empty chunk behind others, and a length that is not so."""
        if payload_size != self._payload_size or (not chunk and self._number > 1):
            raise Damaged(f"{self._name} is damaged: its length is another")
        self._has_ended = True


def _take_header(source: EndMarkedSource, name: str) -> ContainerHeader:
    start = bytes(source.take(FIXED_SIZE))
    if len(start) < FIXED_SIZE:
        raise CutShort(f"{name} is cut short: it ends in the header")
    fixed = FixedFields.parse(start, name)
    rest = bytes(source.take(fixed.header_size - FIXED_SIZE))
    if len(rest) < fixed.header_size - FIXED_SIZE:
        raise CutShort(f"{name} is cut short: it ends in the header")
    return ContainerHeader.parse(start + rest, name)


def _check_length(
    header: ContainerHeader, stored_size: int, payload_size: int, name: str
) -> None:
    if stored_size != body_size(payload_size, header.chunk_size):
        raise Damaged(f"{name} is damaged: its length is another")
