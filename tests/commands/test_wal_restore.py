"""cloudhoard-wal-restore, as restore_command calls it."""

from pathlib import Path

import pytest

from cloudhoard.commands import wal_restore
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    IDENTITY,
    LABEL,
    OTHER_SYSTEM,
    SECOND,
    DataDirectory,
    archive,
    fetch,
    segment_bytes,
)

TIMELINE_2 = "000000020000000000000001"


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def filled(root: Path, data: DataDirectory) -> Path:
    """An archive with the first two segments of timeline 1."""
    for name in (FIRST, SECOND):
        archive(root, data.segment(name))
        (data.pg_wal / name).unlink()
    return root


@pytest.mark.parametrize("compression", ["none", "zstd:3"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        (FIRST, segment_bytes(FIRST)),
        (HISTORY, HISTORY_TEXT),
        (LABEL, b"START WAL LOCATION: 0/100028\n"),
        (f"{FIRST}.partial", segment_bytes(FIRST)),
    ],
)
def test_file_comes_back_as_it_was(
    name: str, content: bytes, compression: str, root: Path, data: DataDirectory
) -> None:
    archive(root, data.file(name, content), "--compression", compression)

    assert fetch(root, name, data.destination) == 0

    assert data.destination.read_bytes() == content


def test_file_is_private_and_nothing_is_printed(
    filled: Path, data: DataDirectory, capfd: pytest.CaptureFixture[str]
) -> None:
    assert fetch(filled, FIRST, data.destination) == 0

    assert data.destination.stat().st_mode & 0o777 == 0o600
    assert files(data.pg_wal) == ["RECOVERYXLOG", "cloudhoard"]
    assert capfd.readouterr() == ("", "")


def test_what_is_at_the_destination_is_replaced(
    filled: Path, data: DataDirectory
) -> None:
    data.destination.write_bytes(b"old")

    assert fetch(filled, FIRST, data.destination) == 0

    assert data.destination.read_bytes() == segment_bytes(FIRST)


@pytest.mark.parametrize("signal", ["recovery.signal", "standby.signal"])
@pytest.mark.parametrize(
    "name", ["000000010000000000000003", TIMELINE_2, HISTORY, LABEL]
)
def test_absent_file_is_1_everywhere(
    name: str,
    signal: str,
    filled: Path,
    data: DataDirectory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data.signal(signal)

    assert fetch(filled, name, data.destination) == 1

    assert files(data.pg_wal) == ["cloudhoard"]
    assert capsys.readouterr().err == (
        f"cloudhoard-wal-restore: error: {name} is not in file://{filled}\n"
    )


@pytest.mark.parametrize(
    ("signal", "options", "added"),
    [
        ("recovery.signal", [], 192),
        ("standby.signal", [], 0),
        ("recovery.signal", ["--on-error", "retry"], 0),
        ("standby.signal", ["--on-error=strict"], 192),
    ],
)
class TestFailure:
    """Everything but "found" and "absent" stops an archive recovery."""

    def test_of_a_mount(
        self,
        signal: str,
        options: list[str],
        added: int,
        filled: Path,
        data: DataDirectory,
    ) -> None:
        data.signal(signal)
        filled.rename(filled.with_name("unmounted"))

        assert fetch(filled, FIRST, data.destination, *options) == added + 2
        filled.mkdir()
        assert fetch(filled, FIRST, data.destination, *options) == added + 2
        filled.rmdir()
        filled.parent.rename(filled.parent.with_name("gone"))
        assert fetch(filled, FIRST, data.destination, *options) == added + 2

    def test_of_the_command_line(
        self,
        signal: str,
        options: list[str],
        added: int,
        filled: Path,
        data: DataDirectory,
    ) -> None:
        data.signal(signal)
        misspelt = [*options, "--no-such-option"]

        assert fetch(filled, FIRST, data.destination, *misspelt) == added + 3
        assert fetch(filled, "nonsense", data.destination, *options) == added + 3

    def test_of_a_stored_object(
        self,
        signal: str,
        options: list[str],
        added: int,
        filled: Path,
        data: DataDirectory,
    ) -> None:
        data.signal(signal)
        stored = filled / f"{FIRST_KEY}.zst"
        content = stored.read_bytes()
        for damaged in (content[:-1], content + b"\0", content[:9], b""):
            stored.write_bytes(damaged)
            assert fetch(filled, FIRST, data.destination, *options) == added + 5

        assert files(data.pg_wal) == ["cloudhoard"]

    def test_of_the_destination(
        self,
        signal: str,
        options: list[str],
        added: int,
        filled: Path,
        data: DataDirectory,
    ) -> None:
        data.signal(signal)
        data.destination.mkdir()

        assert fetch(filled, FIRST, data.destination, *options) == added + 4
        assert files(data.pg_wal) == ["RECOVERYXLOG", "cloudhoard"]


def test_every_flipped_byte_of_a_small_object_is_found(
    root: Path, data: DataDirectory
) -> None:
    archive(root, data.file(HISTORY, HISTORY_TEXT))
    data.signal("recovery.signal")
    stored = root / "wals" / f"{HISTORY}.zst"
    content = stored.read_bytes()
    found = 0

    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 0x10
        stored.write_bytes(flipped)
        code = fetch(root, HISTORY, data.history_destination)
        if code == 0:  # a bit of the frame's header that has no meaning
            assert data.history_destination.read_bytes() == HISTORY_TEXT, position
            data.history_destination.unlink()
        else:
            assert code == 197, position
            assert not data.history_destination.exists(), position
            found += 1

    assert found > len(content) - 3


def test_object_stored_under_another_name_is_not_served(
    filled: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = filled / "wals" / FIRST[:16]
    (directory / f"{SECOND}.zst").write_bytes(
        (filled / f"{FIRST_KEY}.zst").read_bytes()
    )

    assert fetch(filled, SECOND, data.destination) == 197

    assert f"{SECOND} holds WAL from 0/100000, not 0/200000" in capsys.readouterr().err
    assert not data.destination.exists()


def test_segment_of_another_cluster_is_not_served(
    filled: Path, data: DataDirectory
) -> None:
    foreign = segment_bytes(FIRST, system=OTHER_SYSTEM)
    (filled / f"{FIRST_KEY}.zst").unlink()
    (filled / FIRST_KEY).write_bytes(foreign)

    assert fetch(filled, FIRST, data.destination) == 197
    assert not data.destination.exists()


@pytest.mark.parametrize("name", [FIRST, HISTORY, "00000003.history", TIMELINE_2])
def test_archive_of_another_cluster_answers_nothing(
    name: str, filled: Path, data: DataDirectory, tmp_path: Path
) -> None:
    archive(filled, data.file(HISTORY, HISTORY_TEXT))
    other = DataDirectory(tmp_path / "other", system=OTHER_SYSTEM)

    code = fetch(filled, name, other.destination)

    assert code == (197 if name == FIRST else 195)
    assert not other.destination.exists()


def test_misspelt_server_name_does_not_end_recovery(
    filled: Path, data: DataDirectory
) -> None:
    assert fetch(filled.with_name("mian"), SECOND, data.destination) == 194


def test_segment_larger_than_the_cluster_has_them_is_refused(
    filled: Path, data: DataDirectory
) -> None:
    (filled / f"{FIRST_KEY}.zst").unlink()
    (filled / FIRST_KEY).write_bytes(segment_bytes(FIRST) + b"\0")

    assert fetch(filled, FIRST, data.destination) == 197


def test_equal_variants_are_served(filled: Path, data: DataDirectory) -> None:
    (filled / FIRST_KEY).write_bytes(segment_bytes(FIRST))

    assert fetch(filled, FIRST, data.destination) == 0


@pytest.mark.parametrize("change", [b"\x01", b"\0\0"], ids=["changed", "longer"])
def test_unequal_variants_are_damage_naming_both(
    change: bytes,
    filled: Path,
    data: DataDirectory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = segment_bytes(FIRST)[:-1] + change
    (filled / FIRST_KEY).write_bytes(other)

    assert fetch(filled, FIRST, data.destination) == 197

    error = capsys.readouterr().err
    assert FIRST_KEY in error
    if len(change) == 1:
        assert f"{FIRST_KEY}.zst" in error
    assert not data.destination.exists()


def test_backup_label_of_a_segment_is_not_taken_for_the_segment(
    root: Path, data: DataDirectory
) -> None:
    archive(root, data.file(LABEL, b"START WAL LOCATION: 0/100028\n"))

    assert fetch(root, FIRST, data.destination) == 1


def test_barmans_archive_is_believed_by_its_wal(
    filled: Path, data: DataDirectory
) -> None:
    (filled / IDENTITY).unlink()
    (filled / "cloudhoard").rmdir()

    assert fetch(filled, FIRST, data.destination) == 0
    assert fetch(filled, "000000010000000000000003", data.destination) == 1


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


def test_only_testing_the_access_fetches_nothing(
    filled: Path, data: DataDirectory
) -> None:
    assert fetch(filled, FIRST, data.destination, "-t") == 0
    assert not data.destination.exists()


def test_options_of_barman_are_accepted(filled: Path, data: DataDirectory) -> None:
    options = ["-p", "4", "--spool-dir", "/nonexistent/spool", "--no-partial"]

    assert fetch(filled, FIRST, data.destination, *options) == 0


def test_options_may_stand_behind(filled: Path, data: DataDirectory) -> None:
    argv = [f"file://{filled.parent}", "main", FIRST, str(data.destination), "-v"]

    assert wal_restore.main(argv) == 0
