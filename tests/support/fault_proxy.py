"""An HTTP proxy before a store that does to chosen requests what networks do."""

import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from tests.support.exchanges import Exchange, Gate, Side

Kind = Literal[
    "reset request", "reset answer", "cut answer", "swallow", "stall", "status"
]
_BLOCK: Final = 1 << 16


@dataclass
class Fault:
    """What happens to requests whose first line matches a pattern."""

    pattern: str
    kind: Kind
    times: int = 1
    after: int = 1000
    """Bytes of the body that get through, for those that break off."""
    status: int = 503
    seen: int = field(default=0, init=False)


class FaultProxy:
    """Listens on loopback; one request a connection, which keeps it simple."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.exchanges: list[Exchange] = []
        self._gates: list[Gate] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for held in self._held:
            held.close()

    def add(self, pattern: str, kind: Kind, **settings: int) -> Fault:
        """Have something happen to the next requests that match pattern."""
        fault = Fault(pattern, kind, **settings)
        self.faults.append(fault)
        return fault

    @contextmanager
    def held(
        self,
        pattern: str,
        side: Side = "request",
        *,
        after: int = 0,
        passing: int = 0,
    ) -> Iterator[Gate]:
        """Hold, within the block, what matches pattern; see Gate for the rest."""
        gate = Gate(pattern, side, after=after, passing=passing)
        self._gates.append(gate)
        try:
            yield gate
        finally:
            gate.open()

    def taken(self) -> list[Exchange]:
        """Return what went through since the last time, in the order of requests."""
        with self._lock:
            taken, self.exchanges = self.exchanges, []
        return taken

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(
                    target=self._serve, args=(client,), daemon=True
                ).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, ValueError):
            head, body = _read_head(client)
            line = head.split(b"\r\n", 1)[0].decode()
            fault, exchange = self._choose(line), self._record(line)
            if fault is not None and fault.kind == "stall":
                self._held.append(client)
                return
            with client:
                if b"\nexpect: 100-continue" in head.lower():
                    client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                if fault is None:
                    self._pass(client, head, body, exchange)
                else:
                    self._forward(client, head, body, fault)

    def _choose(self, line: str) -> Fault | None:
        with self._lock:
            self.requests.append(line)
            for fault in self.faults:
                if fault.seen < fault.times and re.search(fault.pattern, line):
                    fault.seen += 1
                    return fault
        return None

    def _record(self, line: str) -> Exchange:
        exchange = Exchange.of(line)
        with self._lock:
            self.exchanges.append(exchange)
        return exchange

    def _pass(
        self, client: socket.socket, head: bytes, body: bytes, exchange: Exchange
    ) -> None:
        line = head.split(b"\r\n", 1)[0].decode()
        gate = next((gate for gate in self._gates if gate.holds(line)), None)

        def forward(block: bytes) -> None:
            exchange.sent += len(block)
            server.sendall(block)

        def give_back(block: bytes) -> None:
            exchange.received += len(block)
            client.sendall(block)

        with socket.create_connection(self._target) as server:
            server.sendall(_of_one_request(head))
            size = _content_length(head)
            if gate is not None and gate.side == "request":
                body = _copy(client, forward, body, min(gate.after, size))
                gate.wait()
            _copy(client, forward, body, size - exchange.sent)
            answer_head, answer_body = _read_head(server)
            exchange.status = int(answer_head.split(b" ", 2)[1])
            client.sendall(answer_head)
            if gate is not None and gate.side == "answer":
                size = min(gate.after, _content_length(answer_head))
                answer_body = _copy(server, give_back, answer_body, size)
                gate.wait()
            give_back(answer_body)
            _copy_all(server, give_back)

    def _forward(
        self, client: socket.socket, head: bytes, body: bytes, fault: Fault
    ) -> None:
        kind = fault.kind
        size = _content_length(head)
        limit = fault.after if kind == "reset request" else size
        with socket.create_connection(self._target) as server:
            if kind == "status":
                _copy(client, lambda _: None, body, size)
                answer = f"HTTP/1.1 {fault.status} Fault\r\nContent-Length: 0\r\n"
                client.sendall(f"{answer}Connection: close\r\n\r\n".encode())
                return
            server.sendall(_of_one_request(head))
            _copy(client, server.sendall, body, min(size, limit))
            if kind == "reset request":
                _reset(client)
                return
            answer_head, answer_body = _read_head(server)
            if kind == "swallow":
                _copy_all(server, lambda _: None)
                _reset(client)
                return
            client.sendall(answer_head)
            if kind in {"reset answer", "cut answer"}:
                _copy(server, client.sendall, answer_body, fault.after)
                if kind == "reset answer":
                    _reset(client)
                return
            client.sendall(answer_body)
            _copy_all(server, client.sendall)


def _read_head(source: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        block = source.recv(_BLOCK)
        if not block:
            raise ValueError("ended in the head")
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def _of_one_request(head: bytes) -> bytes:
    """Return head so that the connection ends with the answer, which is asked for."""
    hop_by_hop = (b"connection:", b"expect:")
    lines = [x for x in head.split(b"\r\n") if not x.lower().startswith(hop_by_hop)]
    return b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])


def _content_length(head: bytes) -> int:
    found = re.search(rb"(?im)^content-length: *(\d+)", head)
    return int(found[1]) if found else 0


def _copy(
    source: socket.socket, send: Callable[[bytes], object], first: bytes, size: int
) -> bytes:
    """Send size bytes, of which first are read already; return those left of first."""
    block, left = first[:size], first[size:]
    while True:
        send(block)
        size -= len(block)
        if size <= 0:
            return left
        block = source.recv(min(_BLOCK, size))
        if not block:
            raise ConnectionResetError("ended in the body")


def _copy_all(source: socket.socket, send: Callable[[bytes], object]) -> None:
    while block := source.recv(_BLOCK):
        send(block)


def _reset(connection: socket.socket) -> None:
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()
