"""wal-archive and wal-restore with every compression, by every way to ask for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from cloudhoard.codec.algorithms import ALGORITHMS
from tests.support.compressed_objects import compress
from tests.support.key_files import KeyFiles
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    DataDirectory,
    archive,
    archived,
    fetch,
    segment_bytes,
)

FLAGS = [
    (["-z"], ".gz"),
    (["--gzip", "--compression-level", "high"], ".gz"),
    (["-j"], ".bz2"),
    (["--bzip2", "--compression-level", "-3"], ".bz2"),
    (["--xz", "--compression-level", "low"], ".xz"),
    (["--snappy"], ".snappy"),
    (["--snappy", "--compression-level", "medium"], ".snappy"),
    (["--zstd", "--compression-level", "99"], ".zst"),
    (["--lz4", "--compression-level", "10"], ".lz4"),
    (["--compression", "lz4:high"], ".lz4"),
    (["--compression", "none"], ""),
]


@pytest.mark.parametrize(
    ("options", "suffix"), FLAGS, ids=[" ".join(options) for options, _ in FLAGS]
)
def test_segment_comes_back(
    options: list[str], suffix: str, root: Path, data: DataDirectory
) -> None:
    segment = data.segment(FIRST)

    assert archive(root, segment, *options) == 0
    assert f"{FIRST_KEY}{suffix}" in archived(root)
    assert archive(root, segment, *options) == 0  # compared with what is there
    assert fetch(root, FIRST, data.destination) == 0
    assert data.destination.read_bytes() == segment.read_bytes()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_encrypted_segment_comes_back(
    name: str, root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    keys = KeyFiles.make(tmp_path)
    segment = data.segment(FIRST)

    assert archive(root, segment, f"--compression={name}", *keys.encrypting) == 0
    assert f"{FIRST_KEY}{ALGORITHMS[name].extension}.enc" in archived(root)
    assert fetch(root, FIRST, data.destination, *keys.decrypting) == 0
    assert data.destination.read_bytes() == segment.read_bytes()


def test_segment_archived_otherwise_before_is_not_archived_again(
    root: Path, data: DataDirectory
) -> None:
    assert archive(root, data.segment(FIRST), "--gzip") == 0
    stored = archived(root)
    for options in (["-j"], ["--xz"], ["--snappy"], ["--lz4"], []):
        assert archive(root, data.segment(FIRST), *options) == 0
        assert archive(root, data.segment(FIRST, seed=1), *options) == 1
    assert archived(root) == stored


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "none"])
def test_segment_cut_anywhere_is_not_restored(
    name: str, root: Path, data: DataDirectory
) -> None:
    assert archive(root, data.segment(FIRST), f"--compression={name}") == 0
    stored = root / f"{FIRST_KEY}{ALGORITHMS[name].extension}"
    whole = stored.read_bytes()
    # For snappy, also where its first chunk ends: there it is whole in itself.
    first_chunk = 14 + int.from_bytes(whole[11:14], "little") if name == "snappy" else 1
    for size in (0, first_chunk, len(whole) // 2, len(whole) - 1):
        stored.write_bytes(whole[:size])
        assert fetch(root, FIRST, data.destination) == 197
        assert not data.destination.exists()


def test_history_of_no_bytes_is_not_restored(root: Path, data: DataDirectory) -> None:
    assert archive(root, data.file(HISTORY, HISTORY_TEXT), "--snappy") == 0
    stored = root / "wals" / f"{HISTORY}.snappy"
    stored.write_bytes(stored.read_bytes()[:10])  # the format has no end

    assert fetch(root, HISTORY, data.history_destination) == 197
    assert not data.history_destination.exists()


def test_segment_larger_than_a_segment_is_not_restored(
    root: Path, data: DataDirectory
) -> None:
    assert archive(root, data.segment(FIRST), "--gzip") == 0
    stored = root / f"{FIRST_KEY}.gz"
    stored.write_bytes(compress(segment_bytes(FIRST) + b"\0", "gzip"))

    assert fetch(root, FIRST, data.destination) == 197
    assert not data.destination.exists()


@pytest.mark.parametrize(
    ("module", "package", "option"),
    [("lz4", "lz4", "--lz4"), ("cramjam", "cramjam", "--snappy")],
)
def test_missing_library_is_named_and_nothing_happens(
    module: str, package: str, option: str, root: Path, data: DataDirectory
) -> None:
    segment = data.segment(FIRST)
    assert archive(root, segment, option) == 0

    def run(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        argv = [f"file://{root.parent}", root.name, *map(str, arguments)]
        program = (
            f"import sys; sys.modules[{module!r}] = None\n"
            f"from cloudhoard.commands.{command} import main\n"
            f"sys.exit(main({argv}))"
        )
        argv = [sys.executable, "-c", program]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    archiving = run("wal_archive", option, segment)
    restoring = run("wal_restore", FIRST, data.destination)

    assert (archiving.returncode, restoring.returncode) == (3, 195)
    for answer in (archiving, restoring):
        assert f"needs {package}, which is not installed" in answer.stderr
        assert f"pip install {package}" in answer.stderr
    assert not data.destination.exists()
