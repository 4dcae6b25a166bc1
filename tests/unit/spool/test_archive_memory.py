"""What is remembered about an archive, and what is not believed."""

import os
import shutil
from pathlib import Path

import pytest

from cloudhoard.spool.archive_memory import CONDITIONS_VALID_FOR, Spool

LOCATION = "file:///srv/backup/main"
SYSTEM = 7_300_000_000_000_000_001
MIB = 1 << 20


def reopened(
    directory: Path | None,
    *,
    location: str = LOCATION,
    system: int = SYSTEM,
    now: float = 1e9,
) -> Spool:
    return Spool.open(
        directory, location=location, system_identifier=system, clock=lambda: now
    )


def filled(directory: Path) -> Spool:
    spool = reopened(directory)
    spool.remember_identity(16 * MIB)
    spool.remember_conditions(honoured=True)
    spool.remember_suffix(".zst")
    return spool


def memory_file(directory: Path) -> Path:
    (path,) = directory.glob("*/memory.json")
    return path


def facts(spool: Spool) -> tuple[int | None, bool | None, str | None]:
    return spool.segment_size, spool.honours_conditions, spool.last_suffix


EVERYTHING = (16 * MIB, True, ".zst")
NOTHING = (None, None, None)


def test_next_run_knows_what_the_last_one_learned(tmp_path: Path) -> None:
    filled(tmp_path / "spool")

    assert facts(reopened(tmp_path / "spool")) == EVERYTHING


@pytest.mark.parametrize(
    ("age", "known"),
    [(0, True), (CONDITIONS_VALID_FOR - 1, True), (CONDITIONS_VALID_FOR, None)],
)
def test_store_is_asked_again_after_a_week(
    *, age: int, known: bool | None, tmp_path: Path
) -> None:
    filled(tmp_path / "spool")

    assert reopened(tmp_path / "spool", now=1e9 + age).honours_conditions is known


def test_clock_that_went_back_makes_it_ask_again(tmp_path: Path) -> None:
    filled(tmp_path / "spool")

    assert reopened(tmp_path / "spool", now=1e9 - 1).honours_conditions is None


def test_other_archive_and_other_cluster_know_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "spool")

    assert facts(reopened(tmp_path / "spool", location=LOCATION + "2")) == NOTHING
    assert facts(reopened(tmp_path / "spool", system=SYSTEM + 1)) == NOTHING


def test_record_of_another_archive_in_our_place_is_ignored(tmp_path: Path) -> None:
    filled(tmp_path / "spool")
    theirs = memory_file(tmp_path / "spool").read_bytes()
    filled(tmp_path / "spool").remember_suffix("")
    memory_file(tmp_path / "spool").write_bytes(
        theirs.replace(LOCATION.encode(), b"file:///srv/else")
    )

    assert facts(reopened(tmp_path / "spool")) == NOTHING


def test_copied_spool_is_ignored(tmp_path: Path) -> None:
    # pg_rewind and a clone of the data directory bring another server's spool here.
    filled(tmp_path / "spool")
    shutil.copytree(tmp_path / "spool", tmp_path / "copy", copy_function=shutil.copy2)

    assert facts(reopened(tmp_path / "copy")) == NOTHING


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"version": 1}',
        b"x" * 100_000,
    ],
    ids=lambda content: repr(content[:15]),
)
def test_broken_record_is_ignored_and_replaced(content: bytes, tmp_path: Path) -> None:
    filled(tmp_path / "spool")
    memory_file(tmp_path / "spool").write_bytes(content)

    assert facts(reopened(tmp_path / "spool")) == NOTHING
    filled(tmp_path / "spool")
    assert facts(reopened(tmp_path / "spool")) == EVERYTHING


def test_values_of_the_wrong_type_are_ignored(tmp_path: Path) -> None:
    filled(tmp_path / "spool")
    path = memory_file(tmp_path / "spool")
    text = path.read_text().replace('".zst"', "5").replace(str(16 * MIB), '"big"')
    path.write_text(text)

    assert facts(reopened(tmp_path / "spool")) == (None, True, None)


def test_directories_are_private_and_files_too(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        filled(tmp_path / "spool")
    finally:
        os.umask(previous)

    path = memory_file(tmp_path / "spool")
    modes = [place.stat().st_mode & 0o777 for place in (path, *path.parents[:2])]
    assert modes == [0o600, 0o700, 0o700]


def test_directory_that_others_can_write_to_is_not_believed(tmp_path: Path) -> None:
    filled(tmp_path / "spool")
    (tmp_path / "spool").chmod(0o777)

    assert facts(reopened(tmp_path / "spool")) == NOTHING


def test_linked_directory_is_not_believed(tmp_path: Path) -> None:
    filled(tmp_path / "spool")
    (tmp_path / "link").symlink_to(tmp_path / "spool")

    assert facts(reopened(tmp_path / "link")) == NOTHING


@pytest.mark.parametrize("place", [None, "missing/spool", "file"])
def test_no_spool_is_slower_and_no_error(place: str | None, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    path = None if place is None else tmp_path / place

    spool = filled(path) if path else reopened(None)

    assert not spool.remembers
    assert facts(reopened(path)) == NOTHING


def test_spool_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    spool = reopened(tmp_path / "spool")
    shutil.rmtree(tmp_path / "spool")

    spool.remember_suffix(".zst")

    assert spool.last_suffix == ".zst"
    assert not (tmp_path / "spool").exists()


def test_other_commands_recall_only_that_the_archive_was_here(tmp_path: Path) -> None:
    filled(tmp_path / "spool")

    recalled = Spool.recall(
        tmp_path / "spool", location=LOCATION, system_identifier=SYSTEM
    )

    assert facts(recalled) == (16 * MIB, None, None)
    assert not recalled.remembers


def test_recalling_makes_nothing(tmp_path: Path) -> None:
    recalled = Spool.recall(
        tmp_path / "spool", location=LOCATION, system_identifier=SYSTEM
    )

    assert facts(recalled) == NOTHING
    assert list(tmp_path.iterdir()) == []
