"""What a faulty network, or a faulty store, does to one request."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.support.http_messages import (
    content_length,
    copy,
    copy_all,
    of_one_request,
    read_head,
    reset,
)

Kind = Literal[
    "reset request",
    "stall request",
    "damage request",
    "reset answer",
    "stall answer",
    "cut answer",
    "damage answer",
    "age uploads",
    "trickle",
    "swallow",
    "stall",
    "status",
]
_BLOCK: Final = 1 << 16
_TRICKLE_SECONDS: Final = 0.5


@dataclass
class Fault:
    """What happens to requests whose first line matches a pattern."""

    pattern: str
    kind: Kind
    times: int = 1
    after: int = 1000
    """Bytes of the body that get through, for those that break off."""
    status: int = 503
    code: str = ""
    """The store's own code for that status; "": there is none."""
    seen: int = field(default=0, init=False)

    def matches(self, line: str) -> bool:
        """Tell whether it is this fault's turn."""
        return self.seen < self.times and re.search(self.pattern, line) is not None


class FaultyExchange:
    """One request and its answer, on sockets of its own."""

    def __init__(
        self, fault: Fault, client: socket.socket, head: bytes, body: bytes
    ) -> None:
        self._fault = fault
        self._client = client
        self._head = head
        self._body = body
        self._size = content_length(head)

    def run(self, target: tuple[str, int], over: threading.Event) -> None:
        """Do it; what hangs does so until over."""
        if self._fault.kind == "stall":
            over.wait()
        elif self._fault.kind == "status":
            self._refuse()
        else:
            with closing(socket.create_connection(target)) as server:
                self._forward(server, over)

    def _refuse(self) -> None:
        copy(self._client, lambda _: None, self._body, self._size)
        code = self._fault.code
        text = f"<Error><Code>{code}</Code></Error>" if code else ""
        is_head = self._head.startswith(b"HEAD")
        self._client.sendall(
            f"HTTP/1.1 {self._fault.status} Fault\r\nContent-Length: {len(text)}\r\n"
            f"Connection: close\r\n\r\n{'' if is_head else text}".encode()
        )

    def _forward(self, server: socket.socket, over: threading.Event) -> None:
        kind, after = self._fault.kind, self._fault.after
        server.sendall(of_one_request(self._head))
        breaks = kind in {"reset request", "stall request"}
        limit = min(self._size, after) if breaks else self._size
        send = (
            _damaging(server.sendall, after)
            if kind == "damage request"
            else server.sendall
        )
        copy(self._client, send, self._body, limit)
        if kind == "reset request":
            reset(self._client)
        elif kind == "stall request":
            over.wait()
        else:
            self._answer(server, over)

    def _answer(self, server: socket.socket, over: threading.Event) -> None:
        kind = self._fault.kind
        head, body = read_head(server)
        if kind == "swallow":
            copy_all(server, lambda _: None)
            reset(self._client)
        elif kind == "trickle":
            self._trickle(head, over)
        elif kind in {"reset answer", "stall answer", "cut answer"}:
            self._client.sendall(head)
            copy(server, self._client.sendall, body, self._fault.after)
            if kind == "reset answer":
                reset(self._client)
            elif kind == "stall answer":
                over.wait()
        else:
            self._client.sendall(head)
            send: Callable[[bytes], object] = self._client.sendall
            if kind == "age uploads":
                send = _aging(send)
            if kind == "damage answer":
                send = _damaging(send, self._fault.after)
            send(body)
            copy_all(server, send)

    def _trickle(self, data: bytes, over: threading.Event) -> None:
        """Give a byte now and then: the connection is never silent for long."""
        for byte in data:
            if over.wait(_TRICKLE_SECONDS):
                return
            self._client.sendall(bytes([byte]))


def _damaging(send: Callable[[bytes], object], at: int) -> Callable[[bytes], object]:
    """Return what sends the same with one bit changed, in the byte at that place."""
    position = 0

    def damage(data: bytes) -> None:
        nonlocal position
        index = at - position
        position += len(data)
        if 0 <= index < len(data):
            data = data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]
        send(data)

    return damage


def _aging(send: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Return what makes all uploads in a listing a hundred years older."""
    return lambda data: send(data.replace(b"<Initiated>20", b"<Initiated>19"))
