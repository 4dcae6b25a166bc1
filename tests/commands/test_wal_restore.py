"""cloudhoard-wal-restore, as restore_command calls it."""

import threading
import time
from pathlib import Path

import pytest

from cloudhoard.commands import wal_restore
from tests.support.wal_files import (
    FIRST,
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


def test_only_testing_the_access_fetches_nothing(
    filled: Path, data: DataDirectory
) -> None:
    assert fetch(filled, FIRST, data.pg_wal / FIRST, "-t") == 0
    assert not (data.pg_wal / FIRST).exists()


@pytest.mark.parametrize("option", ["-t", "--help", "--version"])
def test_success_without_a_file_does_not_end_recovery(
    option: str, filled: Path, data: DataDirectory
) -> None:
    assert fetch(filled, FIRST, data.destination, option) == 195
    data.signal("standby.signal")
    assert fetch(filled, FIRST, data.destination, option) == 0


def test_standby_asks_for_a_history_until_the_archive_answers(
    filled: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    data.signal("standby.signal")
    away = filled.with_name("unmounted")
    filled.rename(away)
    threading.Timer(1, away.rename, [filled]).start()

    assert fetch(filled, HISTORY, data.history_destination) == 1

    assert "is it mounted" not in capsys.readouterr().err.splitlines()[-1]
    assert filled.exists()


@pytest.mark.parametrize(
    ("signal", "name", "code"),
    [
        ("standby.signal", HISTORY, 2),
        ("standby.signal", FIRST, 2),
        ("recovery.signal", HISTORY, 194),
    ],
)
def test_only_a_standby_asks_again_and_for_a_history_only(
    signal: str, name: str, code: int, filled: Path, data: DataDirectory
) -> None:
    data.signal(signal)
    filled.rename(filled.with_name("unmounted"))
    destination = data.history_destination if name == HISTORY else data.destination
    began = time.monotonic()

    assert fetch(filled, name, destination, "--history-timeout", "1") == code

    asked_again = time.monotonic() - began >= 1
    assert asked_again == ((signal, name) == ("standby.signal", HISTORY))


def test_options_of_barman_are_accepted(filled: Path, data: DataDirectory) -> None:
    options = ["-p", "4", "--spool-dir", "/nonexistent/spool", "--no-partial"]

    assert fetch(filled, FIRST, data.destination, *options) == 0


def test_options_may_stand_behind(filled: Path, data: DataDirectory) -> None:
    argv = [f"file://{filled.parent}", "main", FIRST, str(data.destination), "-v"]

    assert wal_restore.main(argv) == 0
