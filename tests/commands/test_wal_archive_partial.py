"""Segments that a timeline switch cut short never hold up the archiver."""

from pathlib import Path

import pytest

from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    IDENTITY,
    DataDirectory,
    archive,
    archived,
    segment_bytes,
)


def test_conflicting_partial_segment_is_stored_aside(
    root: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{FIRST}.partial"
    archive(root, data.segment(name), "--compression", "none")
    other = data.segment(name, seed=1)

    assert archive(root, other, "--compression", "none") == 0

    identity, aside, first = archived(root)
    assert identity == IDENTITY
    assert aside.startswith(f"cloudhoard/partial/{name}.")
    assert first == f"{FIRST_KEY}.partial"
    assert (root / aside).read_bytes() == other.read_bytes()
    assert (root / first).read_bytes() == segment_bytes(FIRST)
    assert "warning: " in capsys.readouterr().err


def test_damaged_partial_segment_does_not_hold_up_the_archiver(
    root: Path, data: DataDirectory
) -> None:
    path = data.segment(f"{FIRST}.partial")
    archive(root, path)
    (root / f"{FIRST_KEY}.partial.zst").write_bytes(b"rubbish")

    assert archive(root, path) == 0
    assert len(archived(root)) == 3


class TestForkSegmentOfAStandby:
    """With archive_mode=always it comes under its full name with any tail."""

    def test_goes_where_the_partial_one_goes(
        self, root: Path, data: DataDirectory
    ) -> None:
        data.file(HISTORY, HISTORY_TEXT)

        assert archive(root, data.segment(FIRST)) == 0

        assert archived(root) == [IDENTITY, f"{FIRST_KEY}.partial.zst"]

    def test_with_the_bytes_of_the_full_one_is_there_already(
        self, root: Path, data: DataDirectory
    ) -> None:
        archive(root, data.segment(FIRST))
        data.file(HISTORY, HISTORY_TEXT)

        assert archive(root, data.segment(FIRST)) == 0

        assert archived(root) == [IDENTITY, f"{FIRST_KEY}.zst"]

    def test_never_conflicts(self, root: Path, data: DataDirectory) -> None:
        archive(root, data.segment(FIRST))
        archive(root, data.segment(f"{FIRST}.partial", seed=1))
        data.file(HISTORY, HISTORY_TEXT)

        assert archive(root, data.segment(FIRST, seed=2)) == 0

        assert [key.rpartition("/")[2][: len(FIRST) + 9] for key in archived(root)] == [
            "archive.json",
            f"{FIRST}.partial.",
            f"{FIRST}.partial.",
            f"{FIRST}.zst",
        ]

    @pytest.mark.parametrize(
        "switch", [b"0/100000", b"0/200000", b"0/50000", b"1/180000"]
    )
    def test_is_only_the_one_inside_which_the_timeline_ends(
        self, switch: bytes, root: Path, data: DataDirectory
    ) -> None:
        data.file(HISTORY, b"1\t" + switch + b"\treason\n")

        assert archive(root, data.segment(FIRST)) == 0

        assert archived(root) == [IDENTITY, f"{FIRST_KEY}.zst"]

    def test_is_not_told_by_a_broken_history(
        self, root: Path, data: DataDirectory
    ) -> None:
        data.file(HISTORY, b"\0\0\0")
        data.file("x.history", HISTORY_TEXT)

        assert archive(root, data.segment(FIRST)) == 0

        assert archived(root) == [IDENTITY, f"{FIRST_KEY}.zst"]
