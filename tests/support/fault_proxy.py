"""An HTTP proxy before a store that does to chosen requests what networks do."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.exchanges import Exchange, Gate, Side
from tests.support.http_faults import Fault, FaultyExchange, Kind
from tests.support.http_messages import (
    content_length,
    copy,
    copy_all,
    of_one_request,
    read_head,
)


class FaultProxy:
    """Listens on loopback; one request a connection, which keeps it simple."""

    def __init__(
        self, target: str, *, tls: ssl.SSLContext | None = None, strict: str = ""
    ) -> None:
        """Stand before target; refuse requests in whose head strict is found.

        With tls clients speak HTTPS to the proxy.
        """
        self._tls = tls
        self._strict = strict.encode()
        parts = urlsplit(target)
        self._target = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.heads: list[bytes] = []
        self.exchanges: list[Exchange] = []
        self._gates: list[Gate] = []

    @property
    def url(self) -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._over.set()

    def add(self, pattern: str, kind: Kind, **settings: Any) -> Fault:
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
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            head, body = read_head(client)
            self.heads.append(head)
            line = head.split(b"\r\n", 1)[0].decode()
            fault, exchange = self._choose(line), self._record(line)
            if self._strict and re.search(self._strict, head, re.IGNORECASE):
                fault = Fault(line, "status", status=400, code="InvalidArgument")
            with client:
                if b"\nexpect: 100-continue" in head.lower():
                    client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                if fault is None:
                    self._pass(client, head, body, exchange)
                else:
                    faulty = FaultyExchange(fault, client, head, body)
                    faulty.run(self._target, self._over)

    def _choose(self, line: str) -> Fault | None:
        with self._lock:
            self.requests.append(line)
            for fault in self.faults:
                if fault.matches(line):
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
            server.sendall(of_one_request(head))
            size = content_length(head)
            if gate is not None and gate.side == "request":
                body = copy(client, forward, body, min(gate.after, size))
                gate.wait()
            copy(client, forward, body, size - exchange.sent)
            answer_head, answer_body = read_head(server)
            exchange.status = int(answer_head.split(b" ", 2)[1])
            client.sendall(answer_head)
            if gate is not None and gate.side == "answer":
                size = min(gate.after, content_length(answer_head))
                answer_body = copy(server, give_back, answer_body, size)
                gate.wait()
            give_back(answer_body)
            copy_all(server, give_back)
