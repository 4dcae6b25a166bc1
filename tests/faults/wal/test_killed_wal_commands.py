"""kill -9 of wal-archive and wal-restore harms nothing that comes after."""

import subprocess
from pathlib import Path

import pytest

from tests.support.faults import kill_at_random, with_failing_call
from tests.support.programs import command_path
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    IDENTITY,
    DataDirectory,
    archive,
    archived,
    fetch,
    segment_bytes,
)

MIB = 1 << 20
KILLED = 137  # as strace reports the death of its child


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive" / "main"


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")


def archiving(root: Path, path: Path) -> list[str]:
    url = f"file://{root.parent}"
    return [command_path("wal-archive"), url, root.name, str(path)]


def restoring(root: Path, name: str, destination: Path) -> list[str]:
    url = f"file://{root.parent}"
    return [command_path("wal-restore"), url, root.name, name, str(destination)]


def ended(command: list[str]) -> int:
    code = subprocess.run(command, capture_output=True, check=False).returncode
    return KILLED if code == -9 else code


def test_killed_between_store_and_exit_it_succeeds_the_next_time_with_one_object(
    root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    path = data.segment(FIRST)
    command = with_failing_call(
        archiving(root, path), "exit_group", "signal=KILL", log=tmp_path / "log"
    )

    assert ended(command) == KILLED
    stored = archived(root)
    assert f"{FIRST_KEY}.zst" in stored

    assert archive(root, path) == 0
    assert archived(root) == [IDENTITY, f"{FIRST_KEY}.zst"] == stored


@pytest.mark.parametrize("call", ["linkat", "link", "rename", "fsync", "openat"])
@pytest.mark.parametrize("when", [1, 2, 3, 5])
def test_killed_at_a_system_call_it_succeeds_the_next_time(
    call: str, when: int, root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    # openat comes some hundred times before the first of ours: imports.
    path = data.segment(FIRST)
    when = when * 100 if call == "openat" else when
    fault = f"signal=KILL:when={when}"
    ended(with_failing_call(archiving(root, path), call, fault, log=tmp_path / "log"))

    assert archive(root, path) == 0

    assert set(archived(root)) == {IDENTITY, f"{FIRST_KEY}.zst"}
    assert fetch(root, FIRST, data.destination) == 0
    assert data.destination.read_bytes() == segment_bytes(FIRST)


def test_killed_at_random_moments_it_leaves_an_archive_without_a_flaw(
    root: Path, data: DataDirectory
) -> None:
    names = [f"0000000100000000{number:08X}" for number in range(1, 9)]
    for seed, name in enumerate(names):
        process = subprocess.Popen(
            archiving(root, data.segment(name)), start_new_session=True
        )
        kill_at_random(process, within=0.25, seed=seed)

    for name in names:
        assert archive(root, data.pg_wal / name) == 0

    expected = [f"wals/{name[:16]}/{name}.zst" for name in names]
    assert archived(root) == [IDENTITY, *expected]
    for name in names:
        assert fetch(root, name, data.destination) == 0
        assert data.destination.read_bytes() == segment_bytes(name)


def test_killed_wal_restore_leaves_no_destination_and_is_run_again(
    root: Path, data: DataDirectory
) -> None:
    archive(root, data.segment(FIRST))
    for seed in range(8):
        process = subprocess.Popen(
            restoring(root, FIRST, data.destination), start_new_session=True
        )
        kill_at_random(process, within=0.25, seed=seed)
        if data.destination.exists():
            assert data.destination.read_bytes() == segment_bytes(FIRST)
            data.destination.unlink()

    assert fetch(root, FIRST, data.destination) == 0

    assert data.destination.read_bytes() == segment_bytes(FIRST)
    assert sorted(path.name for path in data.pg_wal.iterdir()) == [
        FIRST,
        "RECOVERYXLOG",
        "cloudhoard",
    ]


def test_several_at_once_store_one_object(root: Path, data: DataDirectory) -> None:
    # As archivers of the standbys of one cluster do with archive_mode=always.
    path = data.segment(FIRST)
    commands = [subprocess.Popen(archiving(root, path)) for _ in range(6)]

    codes = [command.wait() for command in commands]

    assert codes == [0] * 6
    assert archived(root) == [IDENTITY, f"{FIRST_KEY}.zst"]


def test_of_several_with_other_content_one_wins(
    root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    sources = [DataDirectory(tmp_path / f"data{number}") for number in range(4)]
    commands = [
        subprocess.Popen(
            archiving(root, source.segment(FIRST, seed=seed)), stderr=subprocess.DEVNULL
        )
        for seed, source in enumerate(sources)
    ]

    codes = [command.wait() for command in commands]

    assert sorted(codes) == [0, 1, 1, 1]
    assert fetch(root, FIRST, data.destination) == 0
    winner = codes.index(0)
    assert data.destination.read_bytes() == segment_bytes(FIRST, seed=winner)
