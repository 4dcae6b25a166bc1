"""Faults made to happen: full, missing and read-only disks, and failing system calls.

What needs root or a program skips where that is missing, or fails where
CLOUDHOARD_TEST_REQUIRE names "root" or "strace".
"""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.requirements import missing, not_permitted

MIB = 1 << 20


def need_root() -> None:
    """Skip a test that mounts, unless we are root and may mount."""
    if os.geteuid() != 0:
        not_permitted("root", "only root may mount")
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        not_permitted("root", "this system does not let root mount")


@contextmanager
def tmpfs(directory: Path, *, size: int = 16 * MIB) -> Iterator[Path]:
    """Mount a disk of size bytes over directory, and take it away at the end."""
    need_root()
    mount_tmpfs(directory, size=size)
    try:
        yield directory
    finally:
        while unmount(directory):
            pass


def mount_tmpfs(directory: Path, *, size: int = 16 * MIB) -> None:
    """Mount an empty disk over directory."""
    directory.mkdir(exist_ok=True)
    options = f"size={size},mode=700"
    _run(["mount", "-t", "tmpfs", "-o", options, "cloudhoard-test", str(directory)])


def unmount(directory: Path) -> bool:
    """Take what is mounted on directory away, used or not; false when nothing is."""
    command = ["umount", "--lazy", str(directory)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def remount(directory: Path, options: str) -> None:
    """Change a mounted disk: "ro", "rw", "size=4m"."""
    _run(["mount", "-o", f"remount,{options}", str(directory)])


def fill(directory: Path, *, leave: int = 0) -> Path:
    """Take all free space of the disk of directory but leave bytes; return the file."""
    filler = directory / "~filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(64 * 1024)):
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))
    return filler


def with_failing_call(
    command: Sequence[str], call: str, fault: str, *, log: Path
) -> list[str]:
    """Return command so that the kernel does something else at one system call.

    Args:
        command: what to run; it and its children are followed.
        call: the call, or several with commas.
        fault: as strace's inject: "error=EIO", "signal=KILL:when=2",
            "delay_exit=200000".
        log: gets the calls, with the paths of descriptors.
    """
    inject = f"inject={call}:{fault}"
    return [*_strace(log), "-e", f"trace={call}", "-e", inject, *command]


def traced(command: Sequence[str], calls: str, *, log: Path) -> list[str]:
    """Return command so that its system calls are written to log."""
    return [*_strace(log), "-e", f"trace={calls}", *command]


def _strace(log: Path) -> list[str]:
    program = shutil.which("strace")
    if program is None:
        missing("strace", "strace is not installed")
    probe = [program, "-o", "/dev/null", "true"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        not_permitted("strace", "this system does not let processes be traced")
    return [program, "-f", "-y", "-qq", "-o", str(log), "-e", "signal=none"]


def kill_at_random(
    process: subprocess.Popen[str] | subprocess.Popen[bytes],
    *,
    within: float,
    seed: int,
) -> bool:
    """Send SIGKILL at a random moment within so many seconds; false: it was faster.

    The whole group is killed where process was started as the leader of one.
    """
    moment = random.Random(seed).uniform(0, within)  # noqa: S311 - repeatable
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        is_leader = os.getpgid(process.pid) == process.pid
        (os.killpg if is_leader else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def wait_for_file(path: Path, *, timeout: float = 20) -> None:
    """Return once path is there, made by another process."""
    deadline = time.monotonic() + timeout
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear in {timeout} s"
        time.sleep(0.005)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
