"""Compression: named on a command line, and undone within bounds."""

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.codec.compression import (
    ALGORITHMS,
    Compression,
    compressed,
    decompressed,
    known_extensions,
)
from cloudhoard.codec.errors import CutShort, Damaged, UnknownFormat
from cloudhoard.errors import DamagedError, UsageError
from tests.support.sealed_objects import noise

TEXT = b"".join(b"line %d of a text that compresses\n" % n for n in range(20_000))
MIB = 1 << 20


def compress(data: bytes, text: str = "zstd") -> bytes:
    stored = io.BytesIO()
    with compressed(stored, Compression.parse(text)) as sink:
        sink.write(data)
    return stored.getvalue()


def decompress(
    stored: bytes, extension: str = ".zst", *, at_most: int = 1 << 30, size: int = MIB
) -> bytes:
    with decompressed(
        io.BytesIO(stored), extension, at_most=at_most, name="x"
    ) as source:
        return b"".join(iter(lambda: source.read(size), b""))


class TestNames:
    @pytest.mark.parametrize(
        ("text", "name", "level"),
        [
            ("none", "none", 0),
            ("zstd", "zstd", 3),
            ("zstd:1", "zstd", 1),
            ("zstd:low", "zstd", 1),
            ("zstd:medium", "zstd", 4),
            ("zstd:high", "zstd", 9),
            ("zstd:-5", "zstd", -5),
            ("zstd:99", "zstd", 22),  # as barman-cloud takes it
            ("zstd:-99", "zstd", -22),
        ],
    )
    def test_names_and_levels(self, text: str, name: str, level: int) -> None:
        assert Compression.parse(text) == Compression(name, level)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "compression '' is not known"),
            ("brotli", "compression 'brotli' is not known"),
            ("zstd ", "compression 'zstd ' is not known"),
            ("gzip", "compression gzip is not in this version"),
            ("lz4:3", "compression lz4 is not in this version"),
            ("none:3", "compression none has no levels"),
            ("zstd:", "compression level '' is not low, medium, high or a number"),
            ("zstd:3.5", "compression level '3.5' is not low"),
            ("zstd:--3", "compression level '--3' is not low"),
            ("zstd:\u0663", "compression level '\u0663' is not low"),
            ("zstd:" + "9" * 5000, "compression level '9999"),
        ],
    )
    def test_others_are_refused_with_a_hint(self, text: str, message: str) -> None:
        with pytest.raises(UsageError) as caught:
            Compression.parse(text)

        assert caught.value.message.startswith(message)
        assert caught.value.hint

    def test_extension_says_what_is_in_an_object(self) -> None:
        assert Compression.parse("zstd").extension == ".zst"
        assert Compression.parse("none").extension == ""
        assert known_extensions() == (".zst",)

    @pytest.mark.parametrize("text", ["none", "zstd:3", "zstd:-5"])
    def test_printed_form_is_read_again(self, text: str) -> None:
        assert str(Compression.parse(text)) == text


@pytest.mark.parametrize("name", ALGORITHMS)
class TestEveryAlgorithm:
    @given(
        pieces=st.lists(st.binary(max_size=300), max_size=8),
        repeated=st.integers(0, 3000),
        size=st.integers(1, 5000),
    )
    def test_what_was_written_comes_back(
        self, name: str, pieces: list[bytes], repeated: int, size: int
    ) -> None:
        stored = io.BytesIO()
        with compressed(stored, Compression.parse(name)) as sink:
            for piece in pieces:
                assert sink.write(piece) == len(piece)
            sink.write(memoryview(b"ab" * repeated))

        expected = b"".join(pieces) + b"ab" * repeated
        extension = ALGORITHMS[name].extension
        assert decompress(stored.getvalue(), extension, size=size) == expected

    @pytest.mark.parametrize("size", [0, 1, 1000, 131_072, 131_073, 3 * MIB])
    def test_bound_holds_for_what_cannot_be_compressed(
        self, name: str, size: int
    ) -> None:
        data = noise(size)
        stored = io.BytesIO()
        with compressed(stored, Compression.parse(name)) as sink:
            for start in range(0, size, 65_537):
                sink.write(data[start : start + 65_537])

        assert len(stored.getvalue()) <= Compression.parse(name).bound(size)

    def test_more_than_expected_is_an_error_and_not_given_out(self, name: str) -> None:
        stored, extension = compress(TEXT, name), ALGORITHMS[name].extension

        assert decompress(stored, extension, at_most=len(TEXT)) == TEXT
        for size in (1, 1000, MIB):
            with (
                decompressed(io.BytesIO(stored), extension, at_most=9999) as source,
                pytest.raises(Damaged, match="more than the 9999 bytes it may have"),
            ):
                while source.read(size):
                    pass

    def test_whole_read_is_limited_too(self, name: str) -> None:
        stored = io.BytesIO(compress(TEXT, name))
        with (
            decompressed(stored, ALGORITHMS[name].extension, at_most=9999) as source,
            pytest.raises(Damaged),
        ):
            source.read()

    def test_block_left_by_an_exception_leaves_no_end(self, name: str) -> None:
        stored = io.BytesIO()
        with (
            pytest.raises(ZeroDivisionError),
            compressed(stored, Compression.parse(name)) as sink,
        ):
            sink.write(b"data")
            raise ZeroDivisionError

        assert stored.getvalue() != compress(b"data", name) or name == "none"


class TestZstd:
    def test_is_one_frame_with_a_checksum_and_a_window_others_accept(self) -> None:
        for level in (-22, 1, 3, 22):
            stored = compress(TEXT, f"zstd:{level}")
            frame = zstandard.get_frame_parameters(stored)

            assert frame.has_checksum
            assert frame.window_size <= 1 << 27
            engine = zstandard.ZstdDecompressor().decompressobj()
            assert engine.decompress(stored) == TEXT
            assert engine.eof
            assert engine.unused_data == b""

    def test_large_blocks_reach_the_sink(self) -> None:
        sizes: list[int] = []

        class Sink:
            def write(self, data: bytes | bytearray | memoryview, /) -> int:
                sizes.append(len(data))
                return len(data)

        with compressed(Sink(), Compression.parse("zstd:3")) as sink:
            for seed in range(64):
                sink.write(noise(65_536, seed=seed))

        assert all(size == MIB for size in sizes[:-1])
        assert len(sizes) == 5

    def test_program_zstd_reads_it_and_is_read(self, tmp_path: Path) -> None:
        if shutil.which("zstd") is None:
            pytest.skip("there is no zstd")
        ours, theirs = tmp_path / "ours.zst", tmp_path / "theirs.zst"
        ours.write_bytes(compress(TEXT))

        subprocess.run(["zstd", "-tq", ours], check=True)
        plain = subprocess.run(
            ["zstd", "-dc", ours], check=True, capture_output=True
        ).stdout
        theirs.write_bytes(
            subprocess.run(
                ["zstd", "-19", "-c"], input=TEXT, check=True, capture_output=True
            ).stdout
        )

        assert plain == TEXT
        assert decompress(theirs.read_bytes()) == TEXT

    @pytest.mark.parametrize("part", range(4))
    def test_object_cut_anywhere_is_cut_short(self, part: int) -> None:
        stored = compress(TEXT[:30_000] + noise(2000))
        for size in range(part, len(stored), 4):
            with pytest.raises(CutShort, match="x is cut short or added to"):
                decompress(stored[:size])

    @pytest.mark.parametrize("part", range(4))
    def test_flipped_byte_is_found(self, part: int) -> None:
        # Some bits mean nothing, or only how much memory is to be used.
        data = TEXT[:30_000] + noise(2000)
        stored = compress(data)
        for position in range(part, len(stored), 4):
            flipped = bytearray(stored)
            flipped[position] ^= 1 << position * 5 % 8
            try:
                plain = decompress(bytes(flipped))
            except DamagedError:
                continue
            assert plain == data, position

    @pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 100, 300_000])
    def test_bytes_behind_the_end_are_found(self, length: int) -> None:
        with pytest.raises((CutShort, Damaged)):
            decompress(compress(TEXT) + noise(length))
        with pytest.raises((CutShort, Damaged)):
            decompress(compress(TEXT) + bytes(length))

    def test_several_frames_and_skippable_ones_are_read(self) -> None:
        skippable = bytes.fromhex("5a2a4d18") + (9).to_bytes(4, "little") + b"whatever!"
        frames = [compress(TEXT), skippable, compress(b""), compress(b"end"), skippable]

        assert decompress(b"".join(frames)) == TEXT + b"end"
        assert decompress(skippable) == b""
        with pytest.raises(CutShort):
            decompress(b"".join(frames)[:-1])

    def test_frames_of_other_writers_are_read(self) -> None:
        for data in (b"", b"x", TEXT[:200], TEXT, bytes(MIB)):
            for checksum in (False, True):
                for content_size in (False, True):
                    compressor = zstandard.ZstdCompressor(
                        write_checksum=checksum, write_content_size=content_size
                    )
                    stored = compressor.compress(data)
                    assert decompress(stored) == data
                    with pytest.raises(CutShort):
                        decompress(stored[:-1])

    def test_window_that_takes_too_much_memory_is_refused(self) -> None:
        parameters = zstandard.ZstdCompressionParameters(window_log=28)
        compressor = zstandard.ZstdCompressor(compression_params=parameters)
        engine = compressor.compressobj()
        stored = engine.compress(TEXT) + engine.flush()

        with pytest.raises(Damaged):
            decompress(stored)

    def test_bomb_costs_no_more_memory_than_a_block(self) -> None:
        # 128 KiB of zeros in four bytes, over and over: 16 GiB in 512 KiB.
        blocks = 1 << 17
        size = (1 << 17 << 3 | 1 << 1).to_bytes(3, "little")
        bomb = bytes.fromhex("28b52ffd0068") + (size + b"\0") * blocks

        with (
            decompressed(io.BytesIO(bomb), ".zst", at_most=16 * MIB) as source,
            pytest.raises(Damaged, match="more than the 16777216 bytes"),
        ):
            total = 0
            while block := source.read(MIB):
                total += len(block)
                assert len(block) <= MIB
                assert total <= 16 * MIB

    @given(st.binary(max_size=200))
    def test_any_bytes_are_text_or_an_error_of_ours(self, data: bytes) -> None:
        for stored in (data, bytes.fromhex("28b52ffd") + data):
            try:
                decompress(stored, at_most=MIB)
            except DamagedError:
                continue


def test_nothing_is_a_stream_without_an_end() -> None:
    with pytest.raises(CutShort):
        decompress(b"")
    assert decompress(b"", "") == b""


def test_extension_of_another_version_is_refused() -> None:
    with pytest.raises(UnknownFormat, match=r"x: compression .gz is not in this"):
        decompress(b"", ".gz")


def test_reading_nothing_says_nothing_about_the_end() -> None:
    with decompressed(io.BytesIO(compress(b"x")), ".zst", at_most=1) as source:
        assert source.read(0) == b""
        assert source.read(10) == b"x"
        assert source.read(10) == b""


class Broken:
    """A source that fails after some bytes, as a connection does."""

    def __init__(self, data: bytes) -> None:
        self._blocks: Iterator[bytes] = iter([data])

    def read(self, _size: int = -1, /) -> bytes:
        block = next(self._blocks, None)
        if block is None:
            raise ConnectionResetError
        return block


def test_error_of_the_source_passes_through() -> None:
    source = Broken(compress(TEXT)[:-10])
    with (
        decompressed(source, ".zst", at_most=1 << 30) as plain,
        pytest.raises(ConnectionResetError),
    ):
        while plain.read(MIB):
            pass
