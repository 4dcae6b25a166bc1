"""What is on the disk, not in a cache, when a directory reports success."""

import sys
from pathlib import Path

import pytest

from tests.support.faults import (
    traced,
    with_failing_call,
)
from tests.support.local_archive import (
    IDENTITY,
    WAL,
    all_files,
    command,
    open_archive,
    run,
)
from tests.support.stores import keys, put


def test_object_is_synced_before_it_is_seen_and_its_name_before_success(
    container: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    calls = "mkdirat,mkdir,fsync,link,linkat,write"
    run(traced(command(container, "put", WAL, 4096), calls, log=log))

    steps = [step for line in log.read_text().splitlines() if (step := _step(line))]
    assert steps == [
        "mkdir wals",
        "mkdir 0000000100000000",
        "fsync the file",
        "fsync container",
        "fsync main",
        "fsync wals",
        "link",
        "fsync 0000000100000000",
        "says stored",
    ]


def test_deletion_is_durable_and_each_step_before_the_next(
    container: Path, tmp_path: Path
) -> None:
    # If the directory went first and came back after a power cut, so would its files.
    put(open_archive(container), WAL)
    log = tmp_path / "log"
    calls = "unlinkat,unlink,rmdir,fsync,write"
    run(traced(command(container, "delete", WAL), calls, log=log))

    steps = [step for line in log.read_text().splitlines() if (step := _step(line))]
    assert steps == [
        "unlink 000000010000000000000001.zst",
        "fsync 0000000100000000",
        "unlink 0000000100000000",
        "fsync wals",
        "unlink wals",
        "fsync main",
        "says deleted",
    ]


def _step(line: str) -> str | None:
    """Name the step that a line of strace's log shows, if it is one of ours."""
    call = line.split(maxsplit=1)[1]
    if call.startswith("fsync("):
        path = call.partition("<")[2].partition(">")[0]
        return "fsync the file" if "~" in path else f"fsync {Path(path).name}"
    if call.startswith("mkdir"):
        return "mkdir " + call.split('"')[1].rpartition("/")[2]
    if call.startswith("link"):
        return "link"
    if call.startswith("unlink"):
        return "unlink " + call.split('"')[1]
    if call.startswith("write(1<"):
        return "says " + call.split('"')[1].removesuffix("\\n")
    return None


@pytest.mark.parametrize("when", [1, 2, 3, 4, 5])
def test_failed_sync_stores_nothing(container: Path, tmp_path: Path, when: int) -> None:
    # 1 is the file, 2 to 4 the directories above, 5 the one that holds the name.
    fault = f"error=EIO:when={when}"
    put_it = command(container, "put", WAL, 4096)
    done = run(with_failing_call(put_it, "fsync", fault, log=tmp_path / "log"))

    assert done.stdout.startswith("StorageUnavailable cannot write wals/")
    assert keys(open_archive(container)) == [IDENTITY]
    assert all_files(container) == ["archive.json"]


@pytest.mark.parametrize("action", ["exists", "read"])
def test_object_found_soon_after_a_kill_is_synced_before_it_is_believed(
    container: Path, tmp_path: Path, action: str
) -> None:
    # Its writer may have been killed between making the name and syncing it.
    put(open_archive(container), WAL)
    script = (
        "import sys; from cloudhoard.storage.open import open_storage\n"
        "archive = open_storage(sys.argv[1], prefix='main')\n"
        f"with archive.open_read('{WAL}') as source: print(source.read())\n"
    )
    read_it = [sys.executable, "-c", script, f"file://{container}"]
    ask = command(container, "put", WAL, 7) if action == "exists" else read_it
    log = tmp_path / "log"
    run(traced(ask, "fsync", log=log))

    synced = [
        Path(line.partition("<")[2].partition(">")[0]).name
        for line in log.read_text().splitlines()
        if "fsync(" in line
    ]
    assert synced == ["000000010000000000000001.zst", "0000000100000000"]
