import hashlib
import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloudhoard.domain.manifest import ManifestEntry
from cloudhoard.operations.tar_volume import MemberBytes, TarVolume
from cloudhoard.postgres.data_directory import SourceEntry
from cloudhoard.postgres.errors import UnreadableFile
from cloudhoard.streams import BytesLike

MIB = 1 << 20


class Collected:
    """A sink that remembers, and keeps nothing of what it was lent."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def write(self, data: BytesLike, /) -> int:
        self.blocks.append(bytes(data))
        return len(data)

    def archive(self) -> tarfile.TarFile:
        return tarfile.open(fileobj=io.BytesIO(b"".join(self.blocks)))


def entry(path: Path, name: bytes = b"base/5/1", item: str = "data") -> SourceEntry:
    return SourceEntry(item, name, os.fsencode(path), path.stat())


def volume(sink: Collected, item: str = "data") -> TarVolume:
    return TarVolume(sink, item, on_progress=lambda _size: None)


def content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()


@pytest.mark.parametrize("size", [0, 1, 512, 8192, MIB, 3 * MIB + 17])
def test_file_and_its_manifest_entry(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    path = tmp_path / "f"
    path.write_bytes(data)
    os.utime(path, (1_700_000_000.75, 1_700_000_000.75))
    sink = Collected()
    tar = volume(sink)

    tar.add(entry(path))
    tar.finish()

    assert content(sink.archive(), "base/5/1") == data
    assert tar.entries == [
        ManifestEntry(
            b"base/5/1",
            size,
            datetime.fromtimestamp(1_700_000_000, tz=UTC),
            hashlib.sha256(data).digest(),
        )
    ]


def test_size_counts_every_byte_but_the_end(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(600))
    sink = Collected()
    tar = volume(sink)

    tar.add_directory(b"base", tmp_path.stat())
    tar.add(entry(path))

    assert tar.size == 512 + 512 + 1024
    tar.finish()
    assert sum(map(len, sink.blocks)) == tar.size == 512 + 512 + 1024 + 1024


def test_files_of_a_tablespace_are_listed_below_its_link(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    sink = Collected()
    tar = volume(sink, "16384")

    tar.add(entry(path, b"PG_15_202209061/5/1", "16384"))
    tar.finish()

    assert sink.archive().getnames() == ["PG_15_202209061/5/1"]
    assert tar.entries[0].path == b"pg_tblspc/16384/PG_15_202209061/5/1"


def test_file_that_vanished_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    found = entry(path)
    path.unlink()
    sink = Collected()
    tar = volume(sink)

    tar.add(found)
    tar.finish()

    assert (sink.archive().getnames(), tar.entries) == ([], [])


def test_file_that_grew_is_stored_as_long_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    found = entry(path)
    path.write_bytes(b"older and longer")
    sink = Collected()
    tar = volume(sink)

    tar.add(found)
    tar.finish()

    assert content(sink.archive(), "base/5/1") == b"old"


def test_file_that_shrank_before_it_was_opened_is_stored_as_it_is(
    tmp_path: Path,
) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(100))
    found = entry(path)
    path.write_bytes(b"short")
    sink = Collected()
    tar = volume(sink)

    tar.add(found)
    tar.finish()

    assert content(sink.archive(), "base/5/1") == b"short"


def test_file_that_shrinks_while_it_is_read_is_filled_up_with_zeros(
    tmp_path: Path,
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 3 * MIB)
    found = entry(path)
    sink = Collected()

    def truncate(_size: int) -> None:
        os.truncate(path, MIB + 1)

    tar = TarVolume(sink, "data", on_progress=truncate)
    tar.add(found)
    tar.finish()

    # The buffer was full once when the file was cut: that much had been read.
    stored = content(sink.archive(), "base/5/1")
    assert stored == (b"x" * (MIB + 1)).ljust(3 * MIB, b"\0")
    assert tar.entries[0].sha256 == hashlib.sha256(stored).digest()


def test_pipe_in_a_files_place_neither_blocks_nor_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    found = entry(path)
    path.unlink()
    os.mkfifo(path)
    sink = Collected()
    tar = volume(sink)

    tar.add(found)
    tar.finish()

    assert sink.archive().getnames() == []


def test_file_that_cannot_be_opened_is_fatal(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x")
    found = entry(path)
    path.unlink()
    path.symlink_to("f")

    with pytest.raises(UnreadableFile, match="/f: Too many levels"):
        volume(Collected()).add(found)


def test_file_that_cannot_be_read_is_fatal(tmp_path: Path) -> None:
    # The kernel opens its own memory, and refuses to read address 0.
    memory = Path("/proc/self/mem")
    found = SourceEntry("data", b"x", os.fsencode(memory), tmp_path.stat())

    with pytest.raises(UnreadableFile, match="/proc/self/mem: Input/output error"):
        volume(Collected())._add_open_file(
            os.open(memory, os.O_RDONLY), found, tmp_path.stat()
        )


def test_bytes_in_memory_are_a_file_as_any_other(tmp_path: Path) -> None:
    sink = Collected()
    tar = volume(sink)

    tar.add_bytes(MemberBytes(b"backup_label", b"START WAL", tmp_path.stat()))
    tar.finish()

    assert content(sink.archive(), "backup_label") == b"START WAL"
    assert tar.entries[0].sha256 == hashlib.sha256(b"START WAL").digest()


def test_sink_gets_large_blocks_however_small_the_files_are(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(8192))
    found = entry(path)
    sink = Collected()
    tar = volume(sink)

    for _ in range(300):
        tar.add(found)
    tar.finish()

    assert {len(block) for block in sink.blocks[:-1]} == {MIB}
