"""Files that appear whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cloudhoard.spool.atomic_file import TEMPORARY_SUFFIX, atomic_file


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"

    with atomic_file(path) as file:
        file.write(b"content")
        assert not path.exists()

    assert path.read_bytes() == b"content"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("umask", [0, 0o777])
@pytest.mark.parametrize("left_over", [False, True])
def test_permissions_do_not_depend_on_the_umask(
    *, umask: int, left_over: bool, tmp_path: Path
) -> None:
    if left_over:
        temporary = tmp_path / ("private" + TEMPORARY_SUFFIX)
        temporary.touch()
        temporary.chmod(0o666)
    previous = os.umask(umask)
    try:
        with atomic_file(tmp_path / "private"):
            pass
    finally:
        os.umask(previous)

    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half() -> None:
        with atomic_file(path) as file:
            file.write(b"new")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_what_a_killed_writer_left_is_taken_over(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from cloudhoard.spool.atomic_file import atomic_file\n"
        "with atomic_file(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half a file, longer than the next'); file.flush()\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    path = tmp_path / "file"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert names(tmp_path) == ["file" + TEMPORARY_SUFFIX]

    with atomic_file(path) as file:
        file.write(b"whole")

    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["file"]


def test_two_writers_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "file"

    with atomic_file(path) as first:
        first.write(b"first")
        with atomic_file(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"

    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["file"]


def test_link_under_the_temporary_name_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / ("file" + TEMPORARY_SUFFIX)).symlink_to(victim)

    with pytest.raises(OSError, match="symbolic"), atomic_file(tmp_path / "file"):
        pass

    assert victim.read_bytes() == b"precious"
