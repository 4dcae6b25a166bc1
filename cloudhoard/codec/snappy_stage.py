"""snappy's framing format: chunks of at most 64 KiB, each with a CRC-32C.

The format has no end: a file cut between two chunks is a valid file. Whoever reads
has to know the size, or a digest, from elsewhere.
"""

from typing import Final

import cramjam

from cloudhoard.codec.errors import CutShort, Damaged
from cloudhoard.codec.stage import Stage
from cloudhoard.streams import COPY_SIZE, ByteSink, BytesLike, ByteSource, read_exactly

_IDENTIFIER: Final = b"\xff\x06\x00\x00sNaPpY"
_HEADER_SIZE: Final = 4
_COMPRESSED: Final = 0x00
_UNCOMPRESSED: Final = 0x01
_PADDING: Final = 0xFE
_NEW_STREAM: Final = 0xFF
_CHECKSUM_SIZE: Final = 4
_BLOCK_SIZE: Final = 65536
"""Most plain bytes of a chunk."""
_LARGEST_CHUNK: Final = _CHECKSUM_SIZE + 32 + _BLOCK_SIZE + _BLOCK_SIZE // 6
"""What the worst case of snappy makes of a block."""
_BATCH: Final = COPY_SIZE // _BLOCK_SIZE
"""Chunks handed to the library at a time."""


class SnappySink:
    """Compresses into one stream, in full chunks but for the last."""

    def __init__(self, sink: ByteSink, _level: int) -> None:
        self._sink = sink
        self._block = bytearray()
        sink.write(_IDENTIFIER)

    def write(self, data: BytesLike, /) -> int:
        """Take all of data and return its length."""
        rest = memoryview(data)
        if self._block:
            missing = COPY_SIZE - len(self._block)
            self._block += rest[:missing]
            rest = rest[missing:]
            if len(self._block) < COPY_SIZE:
                return len(data)
            self._compress(self._block)
            self._block = bytearray()
        while len(rest) >= COPY_SIZE:
            self._compress(rest[:COPY_SIZE])
            rest = rest[COPY_SIZE:]
        self._block += rest
        return len(data)

    def finish(self) -> None:
        """Write what is left; the stream itself has no end."""
        if self._block:
            self._compress(self._block)
        self._block = bytearray()

    def _compress(self, block: BytesLike) -> None:
        stream = memoryview(cramjam.snappy.compress(block))
        self._sink.write(stream[len(_IDENTIFIER) :])


class SnappySource:
    """Decompresses one stream after the other, to the end of the source."""

    def __init__(self, source: ByteSource, name: str) -> None:
        self._input = _BufferedSource(source)
        self._name = name
        self._has_begun = False
        self._ready = memoryview(b"")

    def read(self, size: int = -1, /) -> bytes:
        """Return at most size bytes; b"" only behind the end of a whole chunk.

        Raises:
            CutShort, Damaged: as their names say.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(COPY_SIZE), b""))
        while size and not self._ready:
            chunks = self._read_chunks()
            if not chunks:
                return b""
            try:
                plain = cramjam.snappy.decompress(_IDENTIFIER + b"".join(chunks))
            except cramjam.DecompressionError as error:
                raise self._damaged() from error
            self._ready = memoryview(plain)
        block = bytes(self._ready[:size])
        self._ready = self._ready[size:]
        return block

    def _read_chunks(self) -> list[bytes]:
        """The next chunks of data, a batch of them; none at the end."""
        chunks: list[bytes] = []
        while len(chunks) < _BATCH and (header := self._take(_HEADER_SIZE, at_end=b"")):
            kind, length = header[0], int.from_bytes(header[1:], "little")
            if kind in (_COMPRESSED, _UNCOMPRESSED) and self._has_begun:
                if not _CHECKSUM_SIZE < length <= _LARGEST_CHUNK:
                    raise self._damaged()
                chunks.append(header + self._take(length))
            else:
                self._pass_over(kind, length)
        if not self._has_begun:
            raise self._cut_short()
        return chunks

    def _pass_over(self, kind: int, length: int) -> None:
        if kind == _NEW_STREAM and length == len(_IDENTIFIER) - _HEADER_SIZE:
            if self._take(length) != _IDENTIFIER[_HEADER_SIZE:]:
                raise self._damaged()
            self._has_begun = True
        elif kind == _PADDING and self._has_begun:
            while length:
                length -= len(self._take(min(length, COPY_SIZE)))
        else:
            # Also the kinds 0x80 to 0xfd, which the format would have us skip: no
            # program writes them, but one flipped bit makes a chunk of data into one.
            raise self._damaged()

    def _take(self, size: int, *, at_end: bytes | None = None) -> bytes:
        data = self._input.take(size)
        if not data and at_end is not None:
            return at_end
        if len(data) < size:
            raise self._cut_short()
        return data

    def _cut_short(self) -> CutShort:
        return CutShort(f"{self._name} is cut short: snappy breaks off")

    def _damaged(self) -> Damaged:
        return Damaged(f"{self._name} is damaged: not what snappy writes")


class _BufferedSource:
    """A source of which small pieces can be taken cheaply."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._block = memoryview(b"")

    def take(self, size: int) -> bytes:
        """Return size bytes, or fewer only where the source ends before."""
        data = bytes(self._block[:size])
        self._block = self._block[size:]
        if len(data) == size:
            return data
        missing = size - len(data)
        block = memoryview(read_exactly(self._source, COPY_SIZE))
        self._block = block[missing:]
        return data + block[:missing]


STAGE: Final = Stage(SnappySink, SnappySource)
