"""Failures that must not look like the end of WAL."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cloudhoard.commands import wal_restore
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.restore_wal import WalNotArchived
from cloudhoard.storage.errors import ObjectExists, ObjectNotFound
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    OTHER_SYSTEM,
    SECOND,
    DataDirectory,
    archive,
    fetch,
    segment_bytes,
)


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


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


def test_variants_are_compared_to_their_last_byte(
    root: Path, data: DataDirectory
) -> None:
    archive(root, data.file(HISTORY, HISTORY_TEXT))
    (root / "wals" / HISTORY).write_bytes(HISTORY_TEXT + b"# and more\n")
    data.signal("recovery.signal")

    assert fetch(root, HISTORY, data.history_destination) == 197


def test_variants_are_compared_from_their_first_byte(
    root: Path, tmp_path: Path
) -> None:
    large = DataDirectory(tmp_path / "large", segment_size=4 << 20)
    archive(root, large.segment(FIRST))
    other = large.segment(FIRST, seed=1).read_bytes()
    (root / FIRST_KEY).write_bytes(other)

    assert fetch(root, FIRST, large.destination) == 197


def test_1_says_absent_and_nothing_else() -> None:
    code = wal_restore._exit_codes(["main", "pg_wal/RECOVERYXLOG"])
    plain = wal_restore._exit_codes(["main", "elsewhere"])

    assert code(WalNotArchived("absent")) == plain(WalNotArchived("absent")) == 1
    for error in (OperationFailed("x"), ObjectNotFound("x"), ObjectExists("x")):
        assert (code(error), plain(error)) == (196, 4)


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


def test_standby_does_not_get_the_history_of_another_cluster(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain history file does not say whose it is; the archive does."""
    other = DataDirectory(tmp_path / "other", system=OTHER_SYSTEM)
    archive(root, other.file(HISTORY, HISTORY_TEXT))
    standby = DataDirectory(tmp_path / "standby")
    standby.signal("standby.signal")

    assert fetch(root, HISTORY, standby.history_destination) == 3
    assert str(OTHER_SYSTEM) in capsys.readouterr().err
    assert not standby.history_destination.exists()


def test_destination_that_takes_no_more_is_named(
    root: Path, data: DataDirectory
) -> None:
    archive(root, data.segment(FIRST))
    (data.path / "recovery.signal").touch()
    limited = "ulimit -f 8; trap '' XFSZ; exec"  # EFBIG beyond 8 blocks
    command = [sys.executable, "-m", "cloudhoard.wal_restore_entry"]
    words = shlex.join([*command, f"file://{root.parent}", root.name, FIRST])

    ended = subprocess.run(
        ["/bin/sh", "-c", f"{limited} {words} pg_wal/RECOVERYXLOG"],
        cwd=data.path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 196
    assert f"error: {data.destination}: file too large" in ended.stderr
