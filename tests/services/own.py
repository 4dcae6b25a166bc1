"""A server of one test's own, which it may kill and start again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.shared import Launch, free_ports, kill, start


class OwnServer:
    """Keeps its port and its files when it is killed."""

    def __init__(
        self, directory: Path, prepare: Callable[[Path, int], Launch], *, ports: int
    ) -> None:
        """Start it, as shared_port does."""
        directory.mkdir()
        self.port = free_ports(ports)
        self._directory = directory
        self._launch = prepare(directory, self.port)
        self._pid = start(directory, self._launch)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it as a crash does."""
        kill(self._pid)

    def start(self) -> None:
        """Start it again; returns once it can be used."""
        self._pid = start(self._directory, self._launch)


@contextmanager
def own_server(
    directory: Path, prepare: Callable[[Path, int], Launch], *, ports: int
) -> Iterator[OwnServer]:
    """Yield a server that is ended after the block."""
    server = OwnServer(directory, prepare, ports=ports)
    try:
        yield server
    finally:
        server.kill()
