"""Encrypted objects as streams: in pieces of any size, with bounded memory."""

import io
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.codec.container_header import ContainerHeader
from cloudhoard.codec.container_opening import Opening
from cloudhoard.codec.container_random import RandomReader
from cloudhoard.codec.container_reader import ContainerReader, check_stored
from cloudhoard.codec.container_writer import ContainerWriter
from cloudhoard.codec.errors import CutShort, Damaged, NotTrusted, WrongObject
from cloudhoard.codec.hashing_sink import HashingSink
from cloudhoard.errors import DamagedError
from cloudhoard.streams import BytesLike, ByteSource, read_exactly
from tests.support.forged_objects import parts, with_trailer
from tests.support.sealed_objects import (
    NAME,
    SMALLEST_CHUNK,
    SYSTEM,
    LoadedKeys,
    QuickPrivateKey,
    noise,
    opening,
    seal,
    unseal,
)

SIZES = (0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 20_000)
MIB = 1 << 20


class InPieces:
    """A source that gives fewer bytes than it is asked for, as sockets do."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = io.BytesIO(data)
        self._sizes = sizes
        self._turn = 0

    def read(self, size: int = -1, /) -> bytes:
        self._turn += 1
        most = self._sizes[self._turn % len(self._sizes)]
        return self._data.read(min(size, most) if size >= 0 else most)


@given(
    size=st.sampled_from(SIZES) | st.integers(0, 10_000),
    written=st.lists(st.integers(1, 9000), min_size=1, max_size=5),
    stored_in=st.lists(st.integers(1, 5000), min_size=1, max_size=5),
    read_size=st.integers(1, 10_000),
)
def test_payload_comes_back_whatever_the_pieces(
    keys: LoadedKeys,
    size: int,
    written: list[int],
    stored_in: list[int],
    read_size: int,
) -> None:
    payload = noise(size)
    stored = io.BytesIO()
    described = {"name": NAME, "system": str(SYSTEM)}
    writer = ContainerWriter(
        HashingSink(stored), [keys.public], None, described, chunk_log2=12
    )
    source = InPieces(payload, written)
    while piece := source.read(1 << 20):
        assert writer.write(piece) == len(piece)
    writer.finish()

    pieces = InPieces(stored.getvalue(), stored_in)
    reader = ContainerReader(pieces, opening([QuickPrivateKey.of(keys.private)]))

    assert b"".join(iter(lambda: reader.read(read_size), b"")) == payload
    assert reader.read(read_size) == b""


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [10, SMALLEST_CHUNK, 3 * SMALLEST_CHUNK])
def test_buffer_may_be_used_again_after_a_write(
    kind: type[bytes | bytearray], size: int, keys: LoadedKeys
) -> None:
    stored = io.BytesIO()
    described = {"name": NAME, "system": str(SYSTEM)}
    writer = ContainerWriter(
        HashingSink(stored), [keys.public], None, described, chunk_log2=12
    )
    buffer = bytearray(size)
    for value in range(3):
        buffer[:] = bytes([value]) * size
        data: BytesLike = kind(buffer)
        writer.write(data)
    writer.finish()

    outcome = unseal(stored.getvalue(), opening([keys.private]))

    assert outcome.released == b"".join(bytes([value]) * size for value in range(3))


@pytest.mark.parametrize("size", SIZES)
def test_every_chunk_is_full_but_the_last(size: int, keys: LoadedKeys) -> None:
    _, *chunks, trailer = parts(seal(noise(size), [keys.public]))

    assert len(chunks) == max(1, -(-size // SMALLEST_CHUNK))
    assert all(len(chunk) == SMALLEST_CHUNK + 16 for chunk in chunks[:-1])
    assert trailer[8:16] == size.to_bytes(8, "big")


def test_same_payload_is_never_encrypted_the_same_way(keys: LoadedKeys) -> None:
    first, second = (parts(seal(bytes(10_000), [keys.public])) for _ in range(2))

    assert first[0][16:48] != second[0][16:48]
    assert not set(first[1:-1]) & set(second[1:-1])
    assert len(set(first[1:3])) == 2  # nor are two chunks of one object


def test_whole_read_returns_all_that_is_left(keys: LoadedKeys) -> None:
    stored = io.BytesIO(seal(noise(10_000), [keys.public]))
    reader = ContainerReader(stored, opening([keys.private]))

    assert reader.read(5000) + reader.read() == noise(10_000)
    assert reader.read() == b""


def test_error_is_not_followed_by_an_end(keys: LoadedKeys) -> None:
    stored = with_trailer(seal(noise(100), [keys.public])[:-48], 99)
    reader = ContainerReader(io.BytesIO(stored), opening([keys.private]))

    for _ in range(2):
        with pytest.raises(Damaged):
            reader.read(1000)


class Endless:
    """A source of size bytes and a sink that forgets them."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._block = noise(MIB)

    def read(self, size: int = -1, /) -> bytes:
        block = self._block[: min(size, self._left, MIB)]
        self._left -= len(block)
        return block

    def write(self, data: BytesLike, /) -> int:
        return len(data)


def test_memory_does_not_grow_with_the_object(keys: LoadedKeys) -> None:
    tracemalloc.start()
    try:
        described = {"name": NAME, "system": str(SYSTEM)}
        sink = HashingSink(Endless(0))
        writer = ContainerWriter(sink, [keys.public], None, described)
        source = Endless(48 * MIB)
        while block := source.read(MIB):
            writer.write(block)
        writer.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert sink.size > 48 * MIB
    assert peak < 8 * MIB


def test_memory_of_the_reader_does_not_grow_with_the_object(keys: LoadedKeys) -> None:
    stored = io.BytesIO(seal(bytes(48 * MIB), [keys.public], chunk_log2=20))
    tracemalloc.start()
    try:
        reader = ContainerReader(stored, opening([keys.private]))
        total = sum(map(len, iter(lambda: reader.read(MIB), b"")))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert total == 48 * MIB
    assert peak < 8 * MIB


def test_check_without_a_key_returns_what_the_object_says(keys: LoadedKeys) -> None:
    header = check_stored(io.BytesIO(seal(noise(9000), [keys.public])))

    assert isinstance(header, ContainerHeader)
    assert header.key_ids == ("ops",)


def test_check_without_a_key_finds_a_length_that_is_not_so(keys: LoadedKeys) -> None:
    stored = with_trailer(seal(b"payload", [keys.public])[:-48], 8)

    with pytest.raises(Damaged, match="its length is another"):
        check_stored(io.BytesIO(stored))


class Ranges:
    """An object in memory that is opened in ranges, and remembers which."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.opened: list[tuple[int, int]] = []

    @contextmanager
    def __call__(self, offset: int, length: int) -> Iterator[ByteSource]:
        self.opened.append((offset, length))
        yield io.BytesIO(self.data[offset : offset + length])


class TestRandomAccess:
    @given(
        size=st.sampled_from(SIZES),
        offset=st.integers(0, 21_000),
        length=st.integers(0, 9000),
    )
    def test_any_range_is_the_payloads(
        self, keys: LoadedKeys, size: int, offset: int, length: int
    ) -> None:
        payload = noise(size)
        stored = seal(payload, [keys.public])
        wanted = opening([QuickPrivateKey.of(keys.private)])
        reader = RandomReader(Ranges(stored), len(stored), wanted)

        assert reader.payload_size == size
        assert reader.read_at(offset, length) == payload[offset : offset + length]

    def test_only_the_chunks_asked_for_are_fetched(self, keys: LoadedKeys) -> None:
        stored = seal(noise(20_000), [keys.public])
        ranges = Ranges(stored)
        reader = RandomReader(ranges, len(stored), opening([keys.private]))
        ranges.opened.clear()

        reader.read_at(SMALLEST_CHUNK + 1, 10)

        header_size = len(reader.header.data)
        step = SMALLEST_CHUNK + 16
        assert ranges.opened == [(header_size + step, step)]

    @pytest.mark.parametrize("size", [100, 4096, 4200])
    def test_every_flip_is_found_by_whoever_reads_there(
        self, size: int, keys: LoadedKeys
    ) -> None:
        stored = seal(noise(size), [keys.public])
        wanted = opening([QuickPrivateKey.of(keys.private)])
        end_of_payload = len(stored) - 32  # the hash takes the whole object
        for position in range(end_of_payload):
            flipped = bytearray(stored)
            flipped[position] ^= 1 << position * 5 % 8
            with pytest.raises(DamagedError):
                _read_whole(bytes(flipped), wanted)

    def test_chunks_left_out_at_the_end_are_missed_there(
        self, keys: LoadedKeys
    ) -> None:
        stored = seal(noise(3 * SMALLEST_CHUNK), [keys.public])
        header, *chunks, _ = parts(stored)
        cut = with_trailer(header + b"".join(chunks[:2]), 2 * SMALLEST_CHUNK)
        reader = RandomReader(Ranges(cut), len(cut), opening([keys.private]))

        assert reader.read_at(0, 100) == noise(100)
        with pytest.raises(Damaged, match="chunk 1 is not authentic"):
            reader.read_at(SMALLEST_CHUNK, 1)

    @pytest.mark.parametrize("size", [0, 10, 47, 48, 500, 4000])
    def test_cut_object_is_cut_short(self, size: int, keys: LoadedKeys) -> None:
        stored = seal(noise(SMALLEST_CHUNK), [keys.public])[:size]

        with pytest.raises(CutShort):
            RandomReader(Ranges(stored), len(stored), opening([keys.private]))

    def test_object_cut_after_it_was_opened_is_cut_short(
        self, keys: LoadedKeys
    ) -> None:
        stored = seal(noise(SMALLEST_CHUNK), [keys.public])
        ranges = Ranges(stored)
        reader = RandomReader(ranges, len(stored), opening([keys.private]))
        ranges.data = stored[:2000]

        with pytest.raises(CutShort):
            reader.read_at(0, 10)

    def test_trust_and_name_are_checked_as_in_a_stream(
        self, keys: LoadedKeys, other_keys: LoadedKeys
    ) -> None:
        stored = seal(b"x", [keys.public], signer=other_keys.signing)
        ranges = Ranges(stored)

        with pytest.raises(NotTrusted):
            RandomReader(ranges, len(stored), opening([keys.private], [keys.signer]))
        with pytest.raises(WrongObject):
            RandomReader(ranges, len(stored), opening([keys.private], name="other"))


def _read_whole(stored: bytes, wanted: Opening) -> bytes:
    reader = RandomReader(Ranges(stored), len(stored), wanted)
    return reader.read_at(0, reader.payload_size)


def test_read_exactly_reads_through_a_reader(keys: LoadedKeys) -> None:
    stored = io.BytesIO(seal(noise(9000), [keys.public]))
    reader = ContainerReader(stored, opening([keys.private]))

    assert read_exactly(reader, 8500) == noise(9000)[:8500]
