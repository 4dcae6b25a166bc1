"""What each compression writes: its own format, once, with its checksum on."""

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import zlib

import pytest

from cloudhoard.codec.algorithms import ALGORITHMS
from cloudhoard.codec.compression import Compression, compressed
from cloudhoard.codec.xz_stage import STAGE
from cloudhoard.errors import UsageError
from tests.support.compressed_objects import MIB, NAMES, TEXT, compress, decompress
from tests.support.sealed_objects import noise

MODULES = {"gzip": "zlib", "bzip2": "bz2", "xz": "lzma", "snappy": "cramjam"}


@pytest.mark.parametrize(
    ("name", "low", "medium", "high", "lowest", "highest", "default"),
    [
        ("gzip", 1, 6, 9, 1, 9, 6),
        ("bzip2", 1, 5, 9, 1, 9, 5),
        ("xz", 1, 3, 5, 1, 9, 3),
        ("zstd", 1, 4, 9, -22, 22, 3),
        ("lz4", 0, 6, 10, 0, 16, 0),
    ],
)
def test_levels_are_barman_s(  # noqa: PLR0913, PLR0917 - a table
    name: str,
    low: int,
    medium: int,
    high: int,
    lowest: int,
    highest: int,
    default: int,
) -> None:
    def level(text: str) -> int:
        return Compression.parse(f"{name}:{text}").level

    assert (level("low"), level("medium"), level("high")) == (low, medium, high)
    assert (level("-99"), level("99")) == (lowest, highest)
    assert Compression.parse(name).level == default


def test_snappy_has_no_levels() -> None:
    with pytest.raises(UsageError, match="snappy has no levels"):
        Compression.parse("snappy:3")


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd", "lz4"])
@pytest.mark.parametrize("level", ["low", "medium", "high", "-99"])
def test_every_level_is_read_again(name: str, level: str) -> None:
    stored = compress(TEXT[:100_000], f"{name}:{level}")

    assert decompress(stored, name) == TEXT[:100_000]


def test_level_reaches_the_library() -> None:
    for name in ("gzip", "lz4", "zstd"):
        assert compress(TEXT, f"{name}:high") != compress(TEXT, f"{name}:low")
    dictionaries = [compress(b"x", f"xz:{level}")[16] for level in ("low", "high")]
    assert dictionaries == [16, 22]  # 1 and 8 MiB
    assert compress(b"", "bzip2:low")[:4] == b"BZh1"
    assert compress(b"", "bzip2:high")[:4] == b"BZh9"


def test_gzip_is_one_member_with_its_crc() -> None:
    stored = compress(TEXT, "gzip")
    member = zlib.decompressobj(31)

    assert member.decompress(stored) == TEXT
    assert member.eof
    assert member.unused_data == b""
    assert stored[-8:-4] == zlib.crc32(TEXT).to_bytes(4, "little")
    assert gzip.decompress(stored) == TEXT


def test_bzip2_is_one_stream() -> None:
    stream = bz2.BZ2Decompressor()

    assert stream.decompress(compress(TEXT, "bzip2")) == TEXT
    assert stream.eof
    assert stream.unused_data == b""


def test_xz_is_one_stream_with_a_crc64() -> None:
    stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)

    assert stream.decompress(compress(TEXT, "xz")) == TEXT
    assert stream.eof
    assert stream.unused_data == b""
    assert stream.check == lzma.CHECK_CRC64


def test_lz4_is_one_frame_with_a_checksum() -> None:
    stored = compress(TEXT, "lz4")

    assert stored[:4] == bytes.fromhex("04224d18")
    flags = stored[4]
    assert flags >> 6 == 1  # the format's version
    assert flags & 0x04, "no content checksum"
    assert stored.count(stored[:4]) == 1


def test_snappy_is_one_stream_of_full_chunks() -> None:
    data = noise(3 * MIB + 5)
    stored = io.BytesIO()
    with compressed(stored, Compression.parse("snappy")) as sink:
        for start in range(0, len(data), 12_345):
            sink.write(data[start : start + 12_345])
    written = stored.getvalue()

    assert written[:10] == b"\xff\x06\x00\x00sNaPpY"
    position, kinds = 10, []
    while position < len(written):
        kinds.append(written[position])
        position += 4 + int.from_bytes(written[position + 1 : position + 4], "little")
    assert kinds == [1] * 49
    assert compress(data, "snappy") == written
    assert decompress(written, "snappy") == data


@pytest.mark.parametrize("name", NAMES)
def test_buffer_may_be_used_again_after_a_write(name: str) -> None:
    stored, buffer = io.BytesIO(), bytearray(100_000)
    with compressed(stored, Compression.parse(name)) as sink:
        for value in range(40):
            buffer[:] = bytes([value]) * len(buffer)
            sink.write(memoryview(buffer))

    expected = b"".join(bytes([value]) * len(buffer) for value in range(40))
    assert decompress(stored.getvalue(), name) == expected


@pytest.mark.parametrize("name", NAMES)
def test_library_that_is_not_installed_is_named(name: str) -> None:
    package = ALGORITHMS[name].package or "standard library"
    module = {"zstd": "zstandard", "lz4": "lz4"}.get(name) or MODULES[name]
    program = (
        "import sys\n"
        f"sys.modules[{module!r}] = None\n"
        "from cloudhoard.codec.compression import Compression, check_readable\n"
        "from cloudhoard.errors import UsageError\n"
        f"compression = Compression.parse({name!r})\n"
        "for check in (compression.check,"
        " lambda: check_readable(compression.extension)):\n"
        "    try:\n"
        "        check()\n"
        "    except UsageError as error:\n"
        "        print(error.message, error.hint)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    lines = answer.stdout.splitlines()
    assert len(lines) == 2
    assert all(package in line and f"compression {name}" in line for line in lines)


def test_stage_of_a_format_has_both_directions() -> None:
    stored = io.BytesIO()
    sink = STAGE.open_sink(stored, 1)
    sink.write(b"x")
    sink.finish()

    assert STAGE.open_source(io.BytesIO(stored.getvalue()), "x").read() == b"x"
