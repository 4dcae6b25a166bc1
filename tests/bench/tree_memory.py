"""The memory of a process and of all that it has started, taken together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.processes import children

_INTERVAL: Final = 0.1
"""Seconds between two looks: peaks that last shorter may be missed."""


@dataclass(slots=True)
class TreeMemory:
    """What was seen so far."""

    peak_bytes: int = 0
    """Most of all processes at a time; pages that several share count once."""


@contextmanager
def watched_memory(pid: int) -> Iterator[TreeMemory]:
    """Look at pid and its descendants now and then, for the length of the block."""
    found, ended = TreeMemory(), threading.Event()

    def watch() -> None:
        while not ended.wait(_INTERVAL):
            size = sum(map(_proportional_bytes, _tree(pid)))
            found.peak_bytes = max(found.peak_bytes, size)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:  # grows as it goes
        found.extend(children(each))
    return found


def _proportional_bytes(pid: int) -> int:
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
