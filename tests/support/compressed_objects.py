"""Compressed objects: made by our stages, read by them, spoilt in every manner."""

import io
from collections.abc import Iterator
from typing import Final

from cloudhoard.codec.algorithms import ALGORITHMS
from cloudhoard.codec.compression import Compression, compressed, decompressed
from tests.support.sealed_objects import noise

MIB: Final = 1 << 20
TEXT: Final = b"".join(
    b"line %d of a text that compresses\n" % n for n in range(20_000)
)
SMALL: Final = TEXT[:3000] + noise(300)
NAMES: Final = tuple(name for name in ALGORITHMS if name != "none")
IN_MEMBERS: Final = ("gzip", "bzip2", "xz", "lz4")


def extension_of(name: str) -> str:
    return ALGORITHMS[name].extension


def compress(data: bytes, text: str) -> bytes:
    """Compress as ``NAME[:LEVEL]`` says."""
    stored = io.BytesIO()
    with compressed(stored, Compression.parse(text)) as sink:
        sink.write(data)
    return stored.getvalue()


def decompress(
    stored: bytes, name: str, *, at_most: int = 1 << 30, size: int = MIB
) -> bytes:
    """Read to the proven end, size bytes at a time."""
    source = io.BytesIO(stored)
    with decompressed(source, extension_of(name), at_most=at_most, name="x") as plain:
        return b"".join(iter(lambda: plain.read(size), b""))


def flipped(stored: bytes) -> Iterator[tuple[int, bytes]]:
    """stored with one bit flipped: in every byte, another bit each time."""
    for position in range(len(stored)):
        copy = bytearray(stored)
        copy[position] ^= 1 << position * 5 % 8
        yield position, bytes(copy)


def snappy_boundaries(stored: bytes) -> set[int]:
    """Where the chunks of a snappy stream begin, and its end."""
    boundaries, position = set[int](), 0
    while position < len(stored):
        position += 4 + int.from_bytes(stored[position + 1 : position + 4], "little")
        boundaries.add(position)
    return boundaries
