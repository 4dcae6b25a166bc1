import io
import os
from pathlib import Path

import pytest

from cloudhoard.domain.manifest import ManifestEntry
from cloudhoard.errors import DamagedError
from cloudhoard.operations.unpack_volume import unpack_volume
from tests.support.stored_backup import Volume, entry, file_member


class Folder:
    """A place that takes any name of a file, for what only the tar decides."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.directories: list[bytes] = []

    def make_directory(self, name: bytes) -> None:
        self.directories.append(name)

    def create_file(self, name: bytes) -> int:
        path = self.path / os.fsdecode(name.replace(b"/", b":"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def unpack(volume: Volume, folder: Folder) -> list[int]:
    progress: list[int] = []
    expected: dict[bytes, ManifestEntry] = {each.path: each for each in volume.entries}
    unpack_volume(io.BytesIO(volume.tar), folder, expected, on_progress=progress.append)
    assert expected == {}
    return progress


def test_files_are_written_and_counted(tmp_path: Path) -> None:
    files = {b"a": b"x" * 3_000_000, b"b/c": b"", b"d": b"end"}
    folder = Folder(tmp_path)

    progress = unpack(Volume.of(files, directories=[b".", b"b"]), folder)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": files[b"a"],
        "b:c": b"",
        "d": b"end",
    }
    assert sum(progress) == 3_000_003
    assert folder.directories == [b".", b"b"]


def test_members_may_come_in_any_order_and_with_a_leading_dot(tmp_path: Path) -> None:
    # As barman-cloud writes them.
    volume = Volume([file_member(b"./b", b"2"), file_member(b"a", b"1")], [])
    volume.entries = [entry(b"a", b"1"), entry(b"b", b"2")]

    unpack(volume, Folder(tmp_path))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_every_flipped_byte_of_content_is_found(tmp_path: Path) -> None:
    volume = Volume.of({b"a": b"content"})
    tar = volume.tar
    start = tar.index(b"content")
    for position in range(start, start + 7):
        changed = bytearray(tar)
        changed[position] ^= 1
        folder = tmp_path / str(position)
        folder.mkdir()

        with pytest.raises(DamagedError, match="'a' is not what it was"):
            unpack_volume(
                io.BytesIO(changed),
                Folder(folder),
                {b"a": volume.entries[0]},
                on_progress=lambda _: None,
            )


def test_missing_files_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    volume = Volume.of({b"a": b"1"})
    volume.entries += [entry(b"z", b"2"), entry(b"y", b"3")]

    with pytest.raises(DamagedError, match="2 files are missing, the first is 'y'"):
        unpack(volume, Folder(tmp_path))


def test_error_of_the_progress_callback_stops_it(tmp_path: Path) -> None:
    volume = Volume.of({b"a": b"1", b"b": b"2"})

    def stop(_size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack_volume(
            io.BytesIO(volume.tar),
            Folder(tmp_path),
            {each.path: each for each in volume.entries},
            on_progress=stop,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
