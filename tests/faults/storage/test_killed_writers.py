"""Processes killed while they change a directory, and processes that race."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cloudhoard.storage.errors import (
    ObjectNotFound,
)
from tests.support.faults import (
    MIB,
    wait_for_file,
    with_failing_call,
)
from tests.support.local_archive import (
    IDENTITY,
    NEIGHBOUR,
    WAL,
    all_files,
    command,
    open_archive,
    run,
)
from tests.support.stores import get, keys, put


@pytest.fixture
def half_written(container: Path, tmp_path: Path) -> Path:
    """A container in which a writer was killed half-way through an object."""
    put(open_archive(container), NEIGHBOUR)
    ready = tmp_path / "ready"
    never = tmp_path / "never"
    arguments = command(container, "put", WAL, MIB, ready, never)
    with subprocess.Popen(arguments) as process:
        wait_for_file(ready)
        process.kill()
    assert len(all_files(container)) == 3
    return container


def test_writer_killed_half_way_leaves_nothing_to_see(half_written: Path) -> None:
    archive = open_archive(half_written)

    assert keys(archive) == [IDENTITY, NEIGHBOUR]
    with pytest.raises(ObjectNotFound):
        archive.stat(WAL)


def test_next_writer_of_that_name_sweeps_what_a_killed_one_left(
    half_written: Path,
) -> None:
    put(open_archive(half_written), WAL, b"whole")

    assert get(open_archive(half_written), WAL) == b"whole"
    names = [Path(key).name for key in (WAL, NEIGHBOUR, IDENTITY)]
    assert all_files(half_written) == names


def test_deletion_sweeps_what_a_killed_writer_left(half_written: Path) -> None:
    open_archive(half_written).delete_objects([NEIGHBOUR])

    assert all_files(half_written) == ["archive.json"]
    assert not (half_written / "main" / "wals").exists()


def test_living_writer_is_not_swept_away(container: Path, tmp_path: Path) -> None:
    ready, go = tmp_path / "ready", tmp_path / "go"
    arguments = command(container, "put", WAL, MIB, ready, go)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        wait_for_file(ready)
        put(open_archive(container), NEIGHBOUR)
        open_archive(container).delete_objects([NEIGHBOUR])
        go.touch()
        output, _ = process.communicate(timeout=30)

    assert output == "stored\n"
    assert open_archive(container).stat(WAL).size == MIB


@pytest.mark.parametrize(
    ("call", "fault", "again"),
    [
        pytest.param("write", "signal=KILL", "stored", id="writing"),
        pytest.param("fsync", "signal=KILL:when=1", "stored", id="syncing the file"),
        pytest.param("fsync", "signal=KILL:when=4", "stored", id="syncing wals"),
        pytest.param("linkat", "signal=KILL", "stored", id="publishing"),
        pytest.param("unlinkat", "signal=KILL", "ObjectExists", id="cleaning up"),
        pytest.param("fsync", "signal=KILL:when=5", "ObjectExists", id="at the end"),
    ],
)
def test_writer_killed_at_a_system_call_is_done_or_not_done(
    container: Path, tmp_path: Path, call: str, fault: str, again: str
) -> None:
    put_it = command(container, "put", WAL, 4096)
    killed = run(with_failing_call(put_it, call, fault, log=tmp_path / "log"))
    assert killed.returncode == -signal.SIGKILL
    is_seen = WAL in keys(open_archive(container))

    assert run(put_it).stdout.startswith(again)

    archive = open_archive(container)
    assert is_seen == (again == "ObjectExists")
    assert archive.stat(WAL).size == 4096
    assert all_files(container) == ["000000010000000000000001.zst", "archive.json"]


def test_of_writers_in_several_processes_exactly_one_wins(
    container: Path, tmp_path: Path
) -> None:
    writers = 6
    go = tmp_path / "go"
    processes = [
        subprocess.Popen(
            command(container, "put", WAL, 1000 + n, tmp_path / f"ready{n}", go),
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(writers)
    ]
    for n in range(writers):
        wait_for_file(tmp_path / f"ready{n}")
    go.touch()
    outputs = [process.communicate(timeout=30)[0] for process in processes]

    winner = [n for n, output in enumerate(outputs) if output == "stored\n"]
    assert len(winner) == 1
    losers = [output for output in outputs if output.startswith("ObjectExists")]
    assert len(losers) == writers - 1
    assert open_archive(container).stat(WAL).size == 1000 + winner[0]
    assert len(all_files(container)) == 2


def test_deleter_and_writers_in_one_directory_do_not_trip_each_other(
    container: Path,
) -> None:
    # The deleter removes the directory whenever it is empty.
    script = (
        "import sys; sys.path.insert(0, sys.argv[3])\n"
        "from cloudhoard.storage.open import open_storage\n"
        "from tests.support.stores import put\n"
        "archive = open_storage(sys.argv[1], prefix='main')\n"
        "for n in range(150):\n"
        "    key = f'base/x/{sys.argv[2]}-{n}'\n"
        "    put(archive, key)\n"
        "    archive.delete_objects([key])\n"
    )
    root = Path(__file__).parents[3]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, f"file://{container}", str(n), str(root)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    errors = [process.communicate(timeout=60)[1] for process in processes]

    assert errors == ["", "", ""]
    assert keys(open_archive(container)) == [IDENTITY]
