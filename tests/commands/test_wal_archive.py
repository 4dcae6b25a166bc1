"""cloudhoard-wal-archive, as archive_command calls it."""

from pathlib import Path

import pytest

from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    IDENTITY,
    LABEL,
    DataDirectory,
    archive,
    archived,
    segment_bytes,
)


def test_first_segment_makes_the_archive(root: Path, data: DataDirectory) -> None:
    assert archive(root, data.segment(FIRST)) == 0

    assert archived(root) == [IDENTITY, f"{FIRST_KEY}.zst"]


def test_nothing_is_printed_on_success(
    root: Path, data: DataDirectory, capfd: pytest.CaptureFixture[str]
) -> None:
    archive(root, data.segment(FIRST))

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        (HISTORY, HISTORY_TEXT, f"wals/{HISTORY}"),
        (LABEL, b"START WAL LOCATION: 0/100028\n", f"wals/{FIRST[:16]}/{LABEL}"),
        (f"{FIRST}.partial", segment_bytes(FIRST), f"{FIRST_KEY}.partial"),
        (FIRST, segment_bytes(FIRST), FIRST_KEY),
    ],
)
def test_each_kind_of_file_is_stored_where_barman_looks_for_it(
    name: str, content: bytes, key: str, root: Path, data: DataDirectory
) -> None:
    assert archive(root, data.file(name, content), "--compression", "none") == 0

    assert archived(root) == [IDENTITY, key]
    assert (root / key).read_bytes() == content


def test_relative_path_is_taken_from_the_data_directory(
    root: Path, data: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.file(HISTORY, HISTORY_TEXT)
    monkeypatch.chdir(data.path)

    assert archive(root, Path("pg_wal", HISTORY)) == 0


def test_linked_pg_wal_is_taken_as_the_path_is_written(
    root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    data.pg_wal.rename(tmp_path / "elsewhere")
    data.pg_wal.symlink_to(tmp_path / "elsewhere")

    assert archive(root, data.file(HISTORY, HISTORY_TEXT)) == 0


def test_resolved_path_is_found_from_the_data_directory(
    root: Path,
    data: DataDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data.pg_wal.rename(tmp_path / "elsewhere")
    data.pg_wal.symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(data.path)

    assert archive(root, data.file(HISTORY, HISTORY_TEXT).resolve()) == 0


def test_same_file_again_is_a_success_and_changes_nothing(
    root: Path, data: DataDirectory
) -> None:
    path = data.segment(FIRST)
    archive(root, path)
    before = (root / f"{FIRST_KEY}.zst").stat()

    assert archive(root, path) == 0

    after = (root / f"{FIRST_KEY}.zst").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("compression", ["none", "zstd:3"])
def test_same_file_is_recognised_without_a_spool(
    compression: str, root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    path = data.segment(FIRST)
    options = ["--spool-dir", str(tmp_path / "missing" / "spool")]
    options += ["--compression", compression]

    assert archive(root, path, *options) == 0
    assert archive(root, path, *options) == 0

    assert len(archived(root)) == 2


def test_spool_is_made_in_pg_wal_and_private(root: Path, data: DataDirectory) -> None:
    archive(root, data.segment(FIRST))

    spool = data.pg_wal / "cloudhoard"
    assert spool.stat().st_mode & 0o777 == 0o700
    assert len(list(spool.iterdir())) == 1


def test_spool_is_not_made_outside_of_a_data_directory(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "loose").mkdir()
    path = tmp_path / "loose" / FIRST
    path.write_bytes(segment_bytes(FIRST))

    assert archive(root, path) == 0

    assert list((tmp_path / "loose").iterdir()) == [path]


def test_spool_of_another_archive_is_not_asked(
    root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    archive(root, data.segment(FIRST))
    (tmp_path / "second").mkdir()

    assert archive(tmp_path / "second" / "main", data.segment(FIRST)) == 0

    assert archived(tmp_path / "second" / "main") == archived(root)
