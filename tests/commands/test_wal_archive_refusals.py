"""What cloudhoard-wal-archive does not store."""

from pathlib import Path

import pytest

from cloudhoard.commands import wal_archive
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    IDENTITY,
    LABEL,
    OTHER_SYSTEM,
    SECOND,
    SEGMENT_SIZE,
    SYSTEM,
    THIRD,
    DataDirectory,
    archive,
    archived,
    objects,
    segment_bytes,
)


@pytest.mark.parametrize(
    ("name", "content"),
    [(FIRST, segment_bytes(FIRST)), (HISTORY, HISTORY_TEXT), (LABEL, b"label one\n")],
)
def test_name_with_one_byte_changed_is_refused_and_the_object_untouched(
    name: str,
    content: bytes,
    root: Path,
    data: DataDirectory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive(root, data.file(name, content))
    before = objects(root)
    changed = content[:-1] + bytes([content[-1] ^ 1])
    if name == HISTORY:
        changed = content.replace(b"no rec", b"No rec")

    assert archive(root, data.file(name, changed)) == 1

    assert objects(root) == before
    error, hint = capsys.readouterr().err.splitlines()
    assert name in error
    assert "stored: SHA-256 " in error
    assert "new SERVER_NAME" in hint


def test_other_suffix_is_compared_with_what_is_there(
    root: Path, data: DataDirectory
) -> None:
    path = data.segment(FIRST)
    archive(root, path)

    assert archive(root, path, "--compression", "none") == 0
    assert archived(root) == [IDENTITY, f"{FIRST_KEY}.zst"]
    assert archive(root, data.segment(SECOND), "--compression", "none") == 0
    data.segment(SECOND, seed=1)
    assert archive(root, data.pg_wal / SECOND) == 1
    assert archived(root)[-1] == f"wals/{SECOND[:16]}/{SECOND}"


def test_damaged_object_under_the_name_is_reported_as_such(
    root: Path, data: DataDirectory
) -> None:
    path = data.segment(FIRST)
    archive(root, path)
    stored = root / f"{FIRST_KEY}.zst"
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)

    assert archive(root, path) == 5

    assert stored.read_bytes() == content


@pytest.mark.parametrize("name", [FIRST, HISTORY, LABEL, f"{FIRST}.partial"])
def test_foreign_cluster_is_refused_at_its_first_file(
    name: str,
    root: Path,
    data: DataDirectory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    archive(root, data.segment(SECOND))
    before = objects(root)
    other = DataDirectory(tmp_path / "other", system=OTHER_SYSTEM)
    path = other.file(name, HISTORY_TEXT)
    if name.startswith(FIRST) and name != LABEL:
        path = other.segment(name)

    assert archive(root, path) == 1

    assert objects(root) == before
    error, hint = capsys.readouterr().err.splitlines()
    assert str(SYSTEM) in error
    assert str(OTHER_SYSTEM) in error
    assert "new SERVER_NAME" in hint


def test_foreign_cluster_is_refused_where_identity_was_lost(
    root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    archive(root, data.segment(FIRST))
    (root / IDENTITY).unlink()
    other = DataDirectory(tmp_path / "other", system=OTHER_SYSTEM)

    assert archive(root, other.segment(SECOND)) == 1

    assert archived(root) == [f"{FIRST_KEY}.zst"]


def test_owner_gets_the_lost_identity_back(root: Path, data: DataDirectory) -> None:
    spool = ["--spool-dir", str(data.path / "missing" / "spool")]
    archive(root, data.segment(FIRST), *spool)
    before = objects(root)
    (root / IDENTITY).unlink()

    assert archive(root, data.segment(FIRST), *spool) == 0

    assert objects(root) == before


def test_changed_segment_size_is_refused(
    root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    archive(root, data.segment(FIRST))
    resized = DataDirectory(tmp_path / "resized", segment_size=2 * SEGMENT_SIZE)

    assert archive(root, resized.segment(SECOND)) == 1


def test_file_of_text_needs_the_control_file(root: Path, data: DataDirectory) -> None:
    (data.path / "global" / "pg_control").unlink()

    assert archive(root, data.file(HISTORY, HISTORY_TEXT)) == 1
    assert archive(root, data.segment(FIRST)) == 0


def test_torn_control_file_is_not_believed(root: Path, data: DataDirectory) -> None:
    control = data.path / "global" / "pg_control"
    control.write_bytes(control.read_bytes().replace(b"\x01", b"\x02", 1))

    assert archive(root, data.file(HISTORY, HISTORY_TEXT)) == 1
    assert not root.exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(segment_bytes(SECOND), 1, id="another segment's content"),
        pytest.param(segment_bytes(FIRST)[:-1], 1, id="one byte short"),
        pytest.param(segment_bytes(FIRST) + b"\0", 1, id="one byte long"),
        pytest.param(segment_bytes(FIRST, header_timeline=2), 1, id="a later timeline"),
        pytest.param(bytes(SEGMENT_SIZE), 5, id="zeros"),
        pytest.param(b"", 5, id="empty"),
        pytest.param(segment_bytes(FIRST, magic=0xD0FF), 5, id="PostgreSQL 12"),
    ],
)
def test_segment_that_is_not_what_its_name_says_is_refused(
    content: bytes, code: int, root: Path, data: DataDirectory
) -> None:
    assert archive(root, data.file(FIRST, content)) == code

    assert not root.exists()


def test_segment_of_a_newer_postgresql_passes_with_a_warning(
    root: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data.file(FIRST, segment_bytes(FIRST, magic=0xD120))

    assert archive(root, path) == 0

    assert "newer PostgreSQL" in capsys.readouterr().err


def test_first_segment_of_a_timeline_may_carry_its_parent(
    root: Path, data: DataDirectory
) -> None:
    name = "000000020000000000000001"
    data.file(HISTORY, HISTORY_TEXT)

    assert archive(root, data.segment(name, header_timeline=1)) == 0


def test_timeline_that_is_no_ancestor_is_refused(
    root: Path, data: DataDirectory
) -> None:
    name = "000000030000000000000001"
    data.file("00000003.history", HISTORY_TEXT)

    assert archive(root, data.segment(name, header_timeline=2)) == 1


def test_history_that_is_none_is_refused(root: Path, data: DataDirectory) -> None:
    assert archive(root, data.file(HISTORY, b"not a history\n")) == 5
    assert not root.exists()


@pytest.mark.parametrize(
    "name", ["archive_status", "0000000100000000000000", "x.history", FIRST + ".gz"]
)
def test_other_names_are_refused(name: str, root: Path, data: DataDirectory) -> None:
    assert archive(root, data.file(name, b"")) == 3


def test_missing_file_is_an_error_of_this_side(
    root: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert archive(root, data.pg_wal / FIRST) == 4
    assert "no such file" in capsys.readouterr().err


def test_missing_path_is_a_usage_error(root: Path) -> None:
    assert wal_archive.main([f"file://{root.parent}", root.name]) == 3


def test_hook_mode_of_barman_is_refused(
    root: Path,
    data: DataDirectory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BARMAN_HOOK", "archive_script")
    monkeypatch.setenv("BARMAN_PHASE", "pre")

    assert archive(root, data.segment(FIRST)) == 3
    assert wal_archive.main([f"file://{root.parent}", root.name]) == 3
    assert capsys.readouterr().err.count("hook script of a Barman server") == 2


def test_options_may_stand_anywhere(root: Path, data: DataDirectory) -> None:
    path = str(data.segment(FIRST))
    url = f"file://{root.parent}"

    assert wal_archive.main([url, "main", "--compression", "none", path]) == 0
    assert wal_archive.main([url, "--zstd", "main", path, "-v"]) == 0


def test_missing_container_is_no_answer(
    tmp_path: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert archive(tmp_path / "nowhere" / "main", data.segment(FIRST)) == 2
    assert not (tmp_path / "nowhere").exists()
    assert "hint: " in capsys.readouterr().err


def test_only_testing_the_access_stores_nothing(
    root: Path, tmp_path: Path, data: DataDirectory
) -> None:
    assert archive(root, data.segment(FIRST), "-t") == 0
    assert archive(tmp_path / "nowhere" / "main", data.segment(FIRST), "-t") == 2
    assert not root.exists()


def test_archive_that_vanished_is_not_begun_anew(
    root: Path, data: DataDirectory
) -> None:
    # An archive that is not mounted looks like one that never was.
    archive(root, data.segment(FIRST))
    root.rename(root.with_name("unmounted"))

    assert archive(root, data.segment(SECOND)) == 2

    assert not root.exists()


class TestRestoredCopy:
    """A cluster with cloudhoard.restored in its data directory."""

    def guard(self, data: DataDirectory, location: str) -> Path:
        path = data.path / "cloudhoard.restored"
        path.write_text(
            f'{{"archive": "{location}", "backup_id": "20261121T090000",'
            ' "restored_at": "2026-11-21T09:00:00+00:00"}'
        )
        return path

    def test_is_refused_until_the_guard_is_removed(
        self, root: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
    ) -> None:
        guard = self.guard(data, f"file://{root}")

        assert archive(root, data.segment(FIRST)) == 1
        assert not root.exists()
        assert f"remove {guard}" in capsys.readouterr().err

        guard.unlink()
        assert archive(root, data.segment(FIRST)) == 0

    def test_may_archive_elsewhere(self, root: Path, data: DataDirectory) -> None:
        self.guard(data, f"file://{root}2")

        assert archive(root, data.segment(FIRST)) == 0

    def test_is_refused_by_another_path_to_the_same_archive_too(
        self, filled: Path, data: DataDirectory
    ) -> None:
        link = filled.parent.with_name("link")
        link.symlink_to(filled.parent)
        self.guard(data, f"file://{link}/{filled.name}")
        before = archived(filled)

        assert archive(filled, data.segment(THIRD)) == 1
        assert archived(filled) == before

    def test_with_a_guard_that_cannot_be_read_is_refused(
        self, root: Path, data: DataDirectory
    ) -> None:
        self.guard(data, "x").write_bytes(b"\0")

        assert archive(root, data.segment(FIRST)) == 1
