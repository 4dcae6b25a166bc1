"""Byte streams: all that codec and storage have to share."""

from typing import Final, Protocol, TypeAlias

BytesLike: TypeAlias = bytes | bytearray | memoryview

COPY_SIZE: Final = 1 << 20
"""Bytes moved at a time: large enough that the cost of a call does not count."""


class ByteSource(Protocol):
    """Where bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most size bytes, all that is left when negative, b"" at the end.

        Fewer bytes than asked for do not mean the end; only b"" does.
        """


class ByteSink(Protocol):
    """Where bytes go."""

    def write(self, data: BytesLike, /) -> int:
        """Take all of data and return its length; data may be reused afterwards."""


def copy_stream(source: ByteSource, sink: ByteSink) -> int:
    """Move everything from source to sink and return the number of bytes."""
    total = 0
    while block := source.read(COPY_SIZE):
        sink.write(block)
        total += len(block)
    return total


def read_exactly(source: ByteSource, size: int) -> bytes:
    """Return size bytes, or fewer only where the source ends before."""
    blocks: list[bytes] = []
    missing = size
    while missing > 0 and (block := source.read(missing)):
        blocks.append(block)
        missing -= len(block)
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)
