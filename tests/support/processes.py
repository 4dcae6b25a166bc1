"""Processes as the kernel shows them, for waiting until they are gone."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path


def wait_until(condition: Callable[[], bool], what: str, timeout: float = 30) -> None:
    """Return once condition holds; fail after timeout seconds, saying what."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Tell whether pid is alive; one that nobody has waited for yet is not."""
    status = _status(pid)
    return status is not None and status[0] not in {"Z", "X"}


def children(pid: int) -> list[int]:
    """Return the processes that pid has started and that still run."""
    numbers = (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit())
    return [n for n in numbers if (s := _status(n)) is not None and int(s[1]) == pid]


def kill_all(pids: Iterable[int]) -> None:
    """Send SIGKILL to each and wait until none is left."""
    doomed = list(pids)
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_running, doomed)), f"{doomed} are gone")


def _status(pid: int) -> list[str] | None:
    """Return state, parent and the rest of /proc/pid/stat."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()
