"""Where WAL may end, and where it may not."""

from pathlib import Path

import pytest

from tests.support.wal_files import (
    FIRST,
    HISTORY,
    HISTORY_TEXT,
    SECOND,
    THIRD,
    DataDirectory,
    archive,
    fetch,
    segment_bytes,
)

TIMELINE_2 = "000000020000000000000001"


class TestPartialSegment:
    """It is served only where recovery would end otherwise."""

    @pytest.fixture
    def partial(self, root: Path, data: DataDirectory) -> Path:
        archive(root, data.segment(f"{FIRST}.partial"))
        return root

    def test_is_served_in_archive_recovery(
        self, partial: Path, data: DataDirectory
    ) -> None:
        assert fetch(partial, FIRST, data.destination) == 0
        assert data.destination.read_bytes() == segment_bytes(FIRST)

    def test_is_not_served_to_a_standby(
        self, partial: Path, data: DataDirectory
    ) -> None:
        data.signal("standby.signal")

        assert fetch(partial, FIRST, data.destination) == 1

    def test_is_not_served_to_pg_rewind(
        self, partial: Path, data: DataDirectory
    ) -> None:
        assert fetch(partial, FIRST, data.pg_wal / FIRST) == 1

    def test_is_not_served_when_not_wanted(
        self, partial: Path, data: DataDirectory
    ) -> None:
        assert fetch(partial, FIRST, data.destination, "--no-partial") == 1

    def test_yields_to_the_whole_one(self, partial: Path, data: DataDirectory) -> None:
        archive(partial, data.segment(FIRST, seed=1))

        assert fetch(partial, FIRST, data.destination) == 0
        assert data.destination.read_bytes() == segment_bytes(FIRST, seed=1)

    def test_is_no_end_where_there_is_more(
        self, partial: Path, data: DataDirectory
    ) -> None:
        archive(partial, data.segment(SECOND))

        assert fetch(partial, FIRST, data.destination) == 197


class TestHole:
    """Absence is not the end where WAL comes after."""

    @pytest.mark.parametrize("later", [SECOND, "000000010000000100000000"])
    def test_later_segment_of_the_timeline(
        self,
        later: str,
        root: Path,
        data: DataDirectory,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        archive(root, data.segment(later))

        assert fetch(root, FIRST, data.destination) == 197

        error, hint = capsys.readouterr().err.splitlines()
        assert f"{FIRST} is not in the archive, and {later} is" in error
        assert "--accept-gap" in hint

    def test_segments_of_other_timelines_do_not_count(
        self, root: Path, data: DataDirectory
    ) -> None:
        archive(root, data.segment("000000020000000000000005"))

        assert fetch(root, FIRST, data.destination) == 1
        assert fetch(root, "000000030000000000000001", data.destination) == 1

    def test_first_segment_of_a_timeline_with_a_history(
        self, root: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
    ) -> None:
        archive(root, data.segment(f"{FIRST}.partial"))
        archive(root, data.file(HISTORY, HISTORY_TEXT))

        assert fetch(root, TIMELINE_2, data.destination) == 197
        assert "timeline 2" in capsys.readouterr().err
        assert fetch(root, "000000020000000000000002", data.destination) == 1

    def test_timeline_that_began_and_ended_in_one_segment_has_none(
        self, root: Path, data: DataDirectory
    ) -> None:
        archive(root, data.segment(f"{TIMELINE_2}.partial"))
        archive(root, data.file(HISTORY, HISTORY_TEXT))

        assert fetch(root, TIMELINE_2, data.destination) == 0

    def test_later_timeline_that_branched_off_behind_the_missing_segment(
        self, root: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """As after a failover from a server that had not archived its last ones."""
        archive(root, data.segment(f"{SECOND}.partial"))
        archive(root, data.file(HISTORY, HISTORY_TEXT))
        behind_third = b"1\t0/400000\tno recovery target specified\n"
        archive(root, data.file("00000003.history", behind_third))

        assert fetch(root, SECOND, data.destination) == 197
        assert fetch(root, THIRD, data.destination) == 197
        error, hint = capsys.readouterr().err.splitlines()[-2:]
        assert f"{THIRD} is not in the archive" in error
        assert "timeline 3" in error
        assert "--accept-gap" in hint
        assert fetch(root, THIRD, data.destination, "--accept-gap") == 1
        assert fetch(root, "000000010000000000000004", data.destination) == 1

    def test_later_timeline_that_branched_off_in_the_missing_segment_or_before(
        self, root: Path, data: DataDirectory
    ) -> None:
        archive(root, data.segment(f"{FIRST}.partial"))
        archive(root, data.file(HISTORY, HISTORY_TEXT))

        assert fetch(root, FIRST, data.destination) == 0
        assert fetch(root, SECOND, data.destination) == 1

    def test_is_accepted_when_told_so(self, root: Path, data: DataDirectory) -> None:
        archive(root, data.segment(SECOND))
        archive(root, data.file(HISTORY, HISTORY_TEXT))

        assert fetch(root, FIRST, data.destination, "--accept-gap") == 1
        assert fetch(root, TIMELINE_2, data.destination, "--accept-gap") == 1

    def test_is_not_looked_for_on_a_standby(
        self, root: Path, data: DataDirectory
    ) -> None:
        archive(root, data.segment(SECOND))
        data.signal("standby.signal")

        assert fetch(root, FIRST, data.destination) == 1
