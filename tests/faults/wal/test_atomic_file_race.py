"""Two writers of one atomic file whose steps interleave as badly as they can."""

import fcntl
import subprocess
import sys
import time
from pathlib import Path

from cloudhoard.spool.atomic_file import TEMPORARY_SUFFIX
from tests.support.faults import with_failing_call

PROGRAM = """
import sys
from pathlib import Path
from cloudhoard.spool.atomic_file import atomic_file
with atomic_file(Path(sys.argv[1])) as file:
    file.write(b"second")
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_file_that_the_first_writer_finishes_is_not_emptied_by_the_second(
    tmp_path: Path,
) -> None:
    # The second one opens the temporary name before the first renames it, and gets
    # the lock after: what it has open is the finished file by then.
    path, log = tmp_path / "file", tmp_path / "log"
    temporary = tmp_path / ("file" + TEMPORARY_SUFFIX)
    temporary.write_bytes(b"first")
    command = [sys.executable, "-c", PROGRAM, str(path)]
    late = with_failing_call(command, "flock", "delay_enter=1500000", log=log)
    with temporary.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = subprocess.Popen(
            late, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 20
        while b"flock(" not in (log.read_bytes() if log.exists() else b""):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        temporary.rename(path)

    with second:
        assert second.stdout is not None
        assert second.stdin is not None
        assert second.stdout.readline() == "writing\n"
        assert path.read_bytes() == b"first"
        second.stdin.close()
        assert second.wait() == 0

    assert path.read_bytes() == b"second"
    log.unlink()
    assert list(tmp_path.iterdir()) == [path]
