import hashlib
import io
import json
import lzma
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.manifest import (
    ManifestEntry,
    ManifestWriter,
    WalRange,
    manifest_version,
)
from cloudhoard.domain.manifest_lines import LONGEST_LINE
from cloudhoard.domain.manifest_reader import ManifestReader
from cloudhoard.errors import InvalidFormat
from tests.support.golden_postgres import MAJORS, golden

MODIFIED: Final = datetime(2026, 11, 21, 5, 22, 28, tzinfo=UTC)
ENTRY: Final = ManifestEntry(b"base/5/1259", 8192, MODIFIED, bytes(range(32)))
RANGE: Final = WalRange(1, Lsn.parse("0/3000028"), Lsn.parse("0/3000100"))


def golden_manifest(major: int) -> bytes:
    return lzma.decompress(golden(major, "backup_manifest.xz").read_bytes())


def written(
    *entries: ManifestEntry, version: int = 1, ranges: tuple[WalRange, ...] = (RANGE,)
) -> bytes:
    writer = ManifestWriter(version, 42)
    return writer.begin() + writer.entries(entries) + writer.finish(ranges)


def read(data: bytes) -> list[ManifestEntry]:
    return list(ManifestReader(io.BytesIO(data)).entries())


@pytest.mark.parametrize("major", MAJORS)
def test_manifests_of_real_servers_are_read_and_written_again(major: int) -> None:
    data = golden_manifest(major)
    reader = ManifestReader(io.BytesIO(data))

    entries = list(reader.entries())

    assert reader.version == manifest_version(major)
    assert (reader.system_identifier is not None) == (major >= 17)
    assert len(entries) > 900
    assert all(entry.sha256 for entry in entries)
    writer = ManifestWriter(reader.version, reader.system_identifier or 0)
    pieces = [writer.begin(), writer.entries(entries[:1]), writer.entries([])]
    pieces += [writer.entries(entries[1:]), writer.finish(reader.wal_ranges)]
    assert b"".join(pieces) == data


def test_entries_look_as_postgresql_writes_them() -> None:
    text = written(ENTRY, replace(ENTRY, path=b"x", sha256=None)).decode()

    checksum = hashlib.sha256(text.partition('"Manifest-Checksum"')[0].encode())
    assert text == (
        '{ "PostgreSQL-Backup-Manifest-Version": 1,\n'
        '"Files": [\n'
        '{ "Path": "base/5/1259", "Size": 8192, '
        '"Last-Modified": "2026-11-21 05:22:28 GMT", "Checksum-Algorithm": "SHA256", '
        '"Checksum": "000102030405060708090a0b0c0d0e0f'
        '101112131415161718191a1b1c1d1e1f" },\n'
        '{ "Path": "x", "Size": 8192, "Last-Modified": "2026-11-21 05:22:28 GMT" }\n'
        "],\n"
        '"WAL-Ranges": [\n'
        '{ "Timeline": 1, "Start-LSN": "0/3000028", "End-LSN": "0/3000100" }\n'
        "],\n"
        f'"Manifest-Checksum": "{checksum.hexdigest()}"}}\n'
    )


def test_times_are_written_in_utc() -> None:
    local = MODIFIED.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert written(replace(ENTRY, modified_at=local)) == written(ENTRY)


def test_paths_that_are_not_utf_8_are_encoded() -> None:
    entry = replace(ENTRY, path=b"base/\xff\n")

    data = written(entry)

    assert b'{ "Encoded-Path": "626173652fff0a", "Size"' in data
    assert read(data) == [entry]


paths = (
    st.lists(
        st.binary(min_size=1, max_size=20) | st.text(min_size=1).map(str.encode),
        min_size=1,
        max_size=5,
    )
    .map(b"/".join)
    .filter(
        lambda path: (
            b"\0" not in path and not {b"", b".", b".."} & set(path.split(b"/"))
        )
    )
)
entries = st.builds(
    ManifestEntry,
    paths,
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.none() | st.binary(min_size=32, max_size=32),
)
positions = st.builds(Lsn, st.integers(0, 2**64 - 1))
ranges = st.lists(st.builds(WalRange, st.integers(1, 2**32 - 1), positions, positions))


@given(st.lists(entries), ranges, st.sampled_from([1, 2]))
def test_manifest_reads_what_it_wrote(
    files: list[ManifestEntry], needed: list[WalRange], version: int
) -> None:
    data = written(*files, version=version, ranges=tuple(needed))
    reader = ManifestReader(io.BytesIO(data))

    assert list(reader.entries()) == files
    assert reader.wal_ranges == tuple(needed)
    assert reader.system_identifier == (42 if version == 2 else None)
    assert json.loads(data)["PostgreSQL-Backup-Manifest-Version"] == version


class Trickle:
    """A source that gives a few bytes at a time, and counts them."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        piece = next(self._pieces, b"")
        assert size < 0 or len(piece) <= size
        self.given += len(piece)
        return piece


def test_a_source_may_give_a_byte_at_a_time() -> None:
    data = written(ENTRY, ENTRY)

    reader = ManifestReader(Trickle(bytes([byte]) for byte in data))

    assert list(reader.entries()) == [ENTRY, ENTRY]


def test_entries_come_in_portions_and_before_the_end_is_read() -> None:
    data = written(*(replace(ENTRY, path=b"%d" % n) for n in range(20_000)))
    source = Trickle(data[at : at + 1000] for at in range(0, len(data), 1000))
    found = ManifestReader(source).entries()

    first = [entry.path for entry in islice(found, 2)]
    then = [entry.path for entry in islice(found, 2)]

    assert (first, then) == ([b"0", b"1"], [b"2", b"3"])
    assert source.given < 10_000
    assert sum(1 for _ in found) == 20_000 - 4


DATA: Final = written(ENTRY, replace(ENTRY, path=b"base/5/1260"))


@pytest.mark.parametrize("length", range(len(DATA)))
def test_a_manifest_cut_short_anywhere_is_refused(length: int) -> None:
    with pytest.raises(InvalidFormat):
        read(DATA[:length])


@pytest.mark.parametrize("position", range(len(DATA)))
def test_any_byte_changed_is_found(position: int) -> None:
    changed = bytearray(DATA)
    changed[position] ^= 1

    with pytest.raises(InvalidFormat):
        read(bytes(changed))


def signed(text: str) -> bytes:
    """Give a forged manifest the checksum that its forger would compute."""
    body = text.partition('"Manifest-Checksum"')[0].encode()
    checksum = hashlib.sha256(body).hexdigest()
    return body + f'"Manifest-Checksum": "{checksum}"}}\n'.encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"base/5/1259"', '""'),
        ('"base/5/1259"', '"/etc/passwd"'),
        ('"base/5/1259"', '"../x"'),
        ('"base/5/1259"', '"base/../../x"'),
        ('"base/5/1259"', '"base//x"'),
        ('"base/5/1259"', '"./x"'),
        ('"base/5/1259"', '"x/"'),
        ('"base/5/1259"', '"x\\u0000"'),
        ('"base/5/1259"', '"\\ud800"'),
        ('"base/5/1259"', '"\\x"'),
        ('"base/5/1259"', '"a\tb"'),
        ('"Path": "base/5/1259"', '"Encoded-Path": "2e2e"'),
        ('"Path": "base/5/1259"', '"Encoded-Path": ""'),
        ('"Path": "base/5/1259"', '"Encoded-Path": "abc"'),
        ('"Size": 8192', '"Size": -1'),
        ('"Size": 8192', '"Size": 1.5'),
        ('"Size": 8192', '"Size": 9999999999999999999'),
        ('"Size": 8192', '"Size": ' + "9" * 5000),
        ("05:22:28 GMT", "05:22:28 CET"),
        ("2026-11-21", "2026-02-30"),
        ("2026-11-21", "0000-11-21"),
        ('"SHA256"', '"MD5"'),
        ('"Checksum": "0001', '"Checksum": "01'),
        ('"Checksum": "00', '"Checksum": "xx'),
        ('1e1f" },', '1e1f" }'),
        ('1e1f" }\n]', '1e1f" },\n]'),
        ('"Size"', '"Size": 1, "Size"'),
        ('{ "Path"', '{"Path"'),
        ('"Files": [', '"Files": [ '),
        ('Version": 1', 'Version": 3'),
        ('Version": 1', 'Version": 2'),
        ('"Timeline": 1', '"Timeline": 0'),
        ('"Timeline": 1', '"Timeline": 4294967296'),
        ('"0/3000028"', '"0/300002800"'),
        ('"0/3000028"', '"x"'),
        ("],\n", "]\n"),
    ],
)
def test_forged_manifests_with_a_good_checksum_are_refused(old: str, new: str) -> None:
    text = DATA.decode()
    assert old in text

    with pytest.raises(InvalidFormat) as caught:
        read(signed(text.replace(old, new, 1)))

    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


def test_nothing_may_follow_a_manifest() -> None:
    with pytest.raises(InvalidFormat, match="text after the manifest's end"):
        read(DATA + b"\n")


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    source = Trickle(iter([b" " * 1000] * 10_000))

    with pytest.raises(InvalidFormat, match="line 1 of backup_manifest is longer than"):
        ManifestReader(source)

    assert source.given <= LONGEST_LINE + 1000


def test_the_longest_path_of_linux_fits_a_line() -> None:
    entry = replace(ENTRY, path=b"\x01" * 4095)

    assert read(written(entry)) == [entry]
    with pytest.raises(InvalidFormat, match="line 3 of backup_manifest is longer than"):
        read(written(replace(ENTRY, path=b"x" * LONGEST_LINE)))


def test_other_checksums_than_sha256_are_accepted_and_not_kept() -> None:
    text = DATA.decode().replace(
        '"SHA256", "Checksum": "' + bytes(range(32)).hex(),
        '"CRC32C", "Checksum": "00112233',
    )

    assert [entry.sha256 for entry in read(signed(text))] == [None, None]
