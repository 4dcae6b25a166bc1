"""Run a command and say what it took."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.tree_memory import watched_memory

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command took."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time of the command and of all that it waited for."""
    peak_bytes: int
    """The largest resident set of any one process among them."""
    peak_tree_bytes: int = 0
    """The most that all of them had at a time, as far as it was seen."""

    def rate(self, size: int) -> float:
        """MiB per second for size bytes of work."""
        return size / MIB / self.wall_seconds


def measure(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> Cost:
    """Run argv to its end and return its cost; a failure stops the benchmark."""
    started = time.perf_counter()
    process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL)
    with watched_memory(process.pid) as tree:
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        message = f"{argv[0]} exited with {process.returncode}: {' '.join(argv)}"
        raise SystemExit(message)
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(wall, cpu, usage.ru_maxrss * 1024, tree.peak_bytes)
