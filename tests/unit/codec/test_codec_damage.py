"""Compressed objects that are cut, spoilt, added to, or traps."""

import contextlib
import io
import lzma
import struct
import time
import tracemalloc
import zlib

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.codec.compression import decompressed
from cloudhoard.codec.errors import CutShort, Damaged
from cloudhoard.errors import DamagedError
from tests.support.compressed_objects import (
    IN_MEMBERS,
    MIB,
    NAMES,
    SMALL,
    compress,
    decompress,
    extension_of,
    flipped,
    snappy_boundaries,
)
from tests.support.sealed_objects import noise

IDENTIFIER = b"\xff\x06\x00\x00sNaPpY"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "snappy"])
@pytest.mark.parametrize("members", [1, 2])
def test_object_cut_anywhere_is_cut_short(name: str, members: int) -> None:
    stored = compress(SMALL, name) * members
    whole = {len(stored) // members * n for n in range(1, members)}
    for size in range(len(stored)):
        if size not in whole:
            with pytest.raises(CutShort, match="x is cut short"):
                decompress(stored[:size], name)


def test_snappy_cut_anywhere_but_between_chunks_is_cut_short() -> None:
    data = noise(150_000)
    stored = compress(data, "snappy")
    boundaries = snappy_boundaries(stored)
    for size in {*range(0, len(stored), 997), *range(400), *boundaries}:
        if size not in boundaries:
            with pytest.raises(CutShort, match="x is cut short"):
                decompress(stored[:size], "snappy")
    # The format cannot tell these from whole ones; sizes and digests elsewhere do.
    assert {data[: n * 65536] for n in range(3)} | {data} == {
        decompress(stored[:size], "snappy") for size in boundaries
    }


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bit_never_changes_what_is_read(name: str) -> None:
    found = 0
    stored = compress(SMALL, name)
    for position, spoilt in flipped(stored):
        try:
            plain = decompress(spoilt, name, at_most=len(SMALL))
        except DamagedError:
            found += 1
            continue
        # Some bits mean nothing: gzip's time, how much memory is to be used.
        assert plain == SMALL, position
    assert found > 0.97 * len(stored)


def test_snappy_chunk_made_skippable_by_one_bit_is_found() -> None:
    stored = bytearray(compress(SMALL, "snappy"))
    stored[len(IDENTIFIER)] ^= 0x80

    with pytest.raises(Damaged):
        decompress(bytes(stored), "snappy")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "added", [b"x", b"garbage behind the end", noise(70_000), b"\0", bytes(511)]
)
def test_bytes_behind_the_end_are_found(name: str, added: bytes) -> None:
    with pytest.raises((CutShort, Damaged)):
        decompress(compress(SMALL, name) + added, name)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_a_stream_without_an_end(name: str) -> None:
    with pytest.raises(CutShort):
        decompress(b"", name)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.binary(max_size=300), keep=st.integers(0, 40))
def test_any_bytes_are_text_or_an_error_of_ours(
    name: str, data: bytes, keep: int
) -> None:
    with contextlib.suppress(DamagedError):
        decompress(compress(SMALL, name)[:keep] + data, name, at_most=MIB)


@pytest.mark.parametrize("name", NAMES)
def test_bomb_costs_no_more_memory_than_some_blocks(name: str) -> None:
    bomb = compress(bytes(24 * MIB), name)
    tracemalloc.start()
    try:
        with (
            decompressed(
                io.BytesIO(bomb), extension_of(name), at_most=16 * MIB
            ) as source,
            pytest.raises(Damaged, match="more than the 16777216 bytes"),
        ):
            while block := source.read(16 * MIB):
                assert len(block) <= MIB
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * MIB


@pytest.mark.parametrize("name", IN_MEMBERS)
def test_endless_empty_members_are_refused_soon(name: str) -> None:
    member = compress(b"", name)
    bomb = member * (3 * MIB // len(member))

    begun = time.monotonic()
    with pytest.raises(Damaged, match="compressed, holds more than"):
        decompress(bomb, name, at_most=1000)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("name", "padding"),
    [
        ("xz", bytes(4)),
        ("zstd", bytes.fromhex("502a4d18") + struct.pack("<I", 4096) + bytes(4096)),
        ("lz4", bytes.fromhex("502a4d18") + struct.pack("<I", 4096) + bytes(4096)),
        ("snappy", b"\xfe\x00\x10\x00" + bytes(4096)),
        ("snappy", IDENTIFIER),
    ],
)
def test_endless_padding_is_refused(name: str, padding: bytes) -> None:
    bomb = compress(SMALL, name) + padding * (3 * MIB // len(padding))

    with pytest.raises(Damaged, match="compressed, holds more than"):
        decompress(bomb, name, at_most=len(SMALL))


def test_xz_that_takes_too_much_memory_is_refused() -> None:
    def stored(dictionary: int) -> bytes:
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
        text = bytearray(lzma.compress(b"x", check=lzma.CHECK_CRC64, filters=filters))
        assert text[12 + 4] == 16, "where the size of the dictionary is"
        text[12 + 4] = dictionary
        size = (text[12] + 1) * 4
        crc = struct.pack("<I", zlib.crc32(text[12 : 12 + size - 4]))
        text[12 + size - 4 : 12 + size] = crc
        return bytes(text)

    assert decompress(stored(30), "xz") == b"x"  # 128 MiB
    with pytest.raises(Damaged, match="memory usage limit"):
        decompress(stored(34), "xz")  # 512 MiB


@pytest.mark.parametrize("padding", [1, 2, 3, 5])
def test_xz_padding_is_whole_words(padding: int) -> None:
    stored = compress(SMALL, "xz")

    for behind in (b"", stored):
        with pytest.raises(DamagedError):
            decompress(stored + bytes(padding) + behind, "xz")


class TestSnappyChunks:
    """Chunks made by hand, as nobody should write them."""

    @pytest.mark.parametrize(
        "chunks",
        [
            pytest.param(b"\xff\x06\x00\x00sNaPpX", id="other identifier"),
            pytest.param(b"\xff\x05\x00\x00sNaPp", id="short identifier"),
            pytest.param(IDENTIFIER + b"\x01\x04\x00\x00abcd", id="checksum only"),
            pytest.param(IDENTIFIER + b"\x01\x00\x00\x00", id="empty chunk"),
            pytest.param(IDENTIFIER + b"\x00\xff\xff\xff" + bytes(100), id="huge"),
            pytest.param(IDENTIFIER + b"\x02\x01\x00\x00x", id="unknown kind"),
            pytest.param(IDENTIFIER + b"\x81\x01\x00\x00x", id="skippable kind"),
            pytest.param(b"\x01\x05\x00\x00abcdx" + IDENTIFIER, id="no identifier"),
            pytest.param(b"\xfe\x00\x00\x00" + IDENTIFIER, id="padding first"),
        ],
    )
    def test_are_damaged(self, chunks: bytes) -> None:
        with pytest.raises(Damaged):
            decompress(chunks, "snappy")

    def test_with_a_huge_plain_size_allocate_nothing(self) -> None:
        raw = bytes(cramjam.snappy.compress_raw(b"x" * 100))
        for size in (b"\xff\xff\xff\xff\x0f", b"\x81\x80\x04"):
            body = b"\0\0\0\0" + size + raw[1:]
            chunk = b"\0" + len(body).to_bytes(3, "little") + body
            tracemalloc.start()
            try:
                with pytest.raises(Damaged):
                    decompress(IDENTIFIER + chunk, "snappy")
                assert tracemalloc.get_traced_memory()[1] < 4 * MIB
            finally:
                tracemalloc.stop()

    def test_padding_and_further_identifiers_are_passed_over(self) -> None:
        stored = compress(SMALL, "snappy")
        padding = b"\xfe\x64\x00\x00" + noise(100)

        assert decompress(stored + padding + stored, "snappy") == SMALL * 2
        with pytest.raises(CutShort):
            decompress((stored + padding)[:-1], "snappy")
