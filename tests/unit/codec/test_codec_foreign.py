"""Files of the formats' own programs and libraries, and ours in their hands."""

import bz2
import gzip
import io
import lzma
import shutil
import subprocess

import cramjam
import lz4.frame  # type: ignore[import-untyped]
import pytest
import snappy  # type: ignore[import-untyped]
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.codec.errors import CutShort
from tests.support.compressed_objects import (
    IN_MEMBERS,
    MIB,
    NAMES,
    TEXT,
    compress,
    decompress,
)
from tests.support.requirements import missing
from tests.support.sealed_objects import noise

WRITERS = [
    ("gzip", ["gzip", "-c"]),
    ("gzip", ["gzip", "-9c"]),
    ("bzip2", ["bzip2", "-c"]),
    ("bzip2", ["bzip2", "-1c"]),
    ("xz", ["xz", "-0c"]),
    ("xz", ["xz", "-1c", "--check=sha256"]),
    ("xz", ["xz", "-1c", "--check=none", "-T2", "--block-size=100000"]),
    ("lz4", ["lz4", "-c"]),
    ("lz4", ["lz4", "-9c", "-B4", "-BD", "-BX", "--content-size"]),
    ("lz4", ["lz4", "-c", "--no-frame-crc"]),
    ("zstd", ["zstd", "-c"]),
    ("zstd", ["zstd", "-c", "--no-check"]),
    ("zstd", ["zstd", "-c", "-T2", "--long=27"]),
]
READERS = {
    "gzip": ["gzip", "-dc"],
    "bzip2": ["bzip2", "-dc"],
    "xz": ["xz", "-dc"],
    "lz4": ["lz4", "-dc"],
    "zstd": ["zstd", "-dc"],
}


def run(argv: list[str], data: bytes) -> bytes:
    if shutil.which(argv[0]) is None:
        missing(argv[0], f"there is no {argv[0]}")
    return subprocess.run(argv, input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize(
    ("name", "argv"), WRITERS, ids=[" ".join(argv) for _, argv in WRITERS]
)
@pytest.mark.parametrize("data", [b"", b"x", TEXT], ids=["empty", "byte", "text"])
def test_files_of_the_programs_are_read(
    name: str, argv: list[str], data: bytes
) -> None:
    stored = run(argv, data)

    assert decompress(stored, name) == data
    assert decompress(stored * 2, name) == data * 2
    assert decompress(compress(b"ours", name) + stored, name) == b"ours" + data
    with pytest.raises(CutShort):
        decompress(stored[:-1], name)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "data", [b"", TEXT, noise(3 * MIB)], ids=["empty", "text", "noise"]
)
def test_programs_read_ours(name: str, data: bytes) -> None:
    assert run(READERS[name], compress(data, name)) == data


def as_barman_writes(name: str, data: bytes) -> bytes:
    """Compress with the library and the settings that barman-cloud uses."""
    match name:
        case "gzip":
            stored = io.BytesIO()
            with gzip.GzipFile(fileobj=stored, mode="wb", compresslevel=6) as file:
                file.write(data)
            return stored.getvalue()
        case "bzip2":
            return bz2.compress(data, 5)
        case "xz":
            return lzma.compress(data, preset=3)
        case "zstd":
            engine = zstandard.ZstdCompressor(level=4).compressobj()
            return engine.compress(data) + engine.flush()
        case "lz4":
            frame: bytes = lz4.frame.compress(data, compression_level=6)
            return frame
        case _:
            compressor = snappy.StreamCompressor()
            stream: bytes = compressor.add_chunk(data)
            return stream


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"x", TEXT, noise(200_000)])
def test_barman_s_variants_are_read(name: str, data: bytes) -> None:
    stored = as_barman_writes(name, data)

    assert decompress(stored, name) == data
    assert decompress(stored * 3, name) == data * 3


@pytest.mark.parametrize("data", [b"", b"x", TEXT, noise(3 * MIB)])
def test_library_that_barman_has_for_snappy_reads_ours(data: bytes) -> None:
    stored = compress(data, "snappy")
    plain = io.BytesIO()
    snappy.stream_decompress(io.BytesIO(stored), plain)

    assert plain.getvalue() == data
    assert bytes(cramjam.snappy.decompress(stored)) == data


@pytest.mark.parametrize("name", [*IN_MEMBERS, "snappy", "zstd"])
@given(
    pieces=st.lists(st.binary(max_size=2000), min_size=1, max_size=12),
    size=st.integers(1, 3000),
)
def test_members_one_behind_the_other_are_one_text(
    name: str, pieces: list[bytes], size: int
) -> None:
    stored = b"".join(compress(piece, name) for piece in pieces)

    assert decompress(stored, name, size=size) == b"".join(pieces)


def test_skippable_frames_and_padding_are_passed_over() -> None:
    skippable = bytes.fromhex("5a2a4d18") + (5).to_bytes(4, "little") + b"notes"
    frame = compress(TEXT, "lz4")
    stream = compress(TEXT, "xz")

    assert decompress(skippable + frame + skippable + frame, "lz4") == TEXT * 2
    assert decompress(frame + skippable, "lz4") == TEXT
    assert decompress(stream + bytes(8) + stream + bytes(300_000), "xz") == TEXT * 2


def test_gzip_members_with_names_and_comments_are_read() -> None:
    stored = io.BytesIO()
    with gzip.GzipFile("name", "wb", fileobj=stored, mtime=1) as file:
        file.write(TEXT)

    assert decompress(stored.getvalue(), "gzip") == TEXT
