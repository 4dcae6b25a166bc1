"""Pieces of HTTP on a socket, as a proxy needs them."""

import re
import socket
import struct
from collections.abc import Callable
from typing import Final

_BLOCK: Final = 1 << 16


def read_head(source: socket.socket) -> tuple[bytes, bytes]:
    """Return the head of a message, and what of its body came with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        block = source.recv(_BLOCK)
        if not block:
            raise ValueError("ended in the head")
        data += block
    head, _, body = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def of_one_request(head: bytes) -> bytes:
    """Return head so that the connection ends with the answer, which is asked for."""
    hop_by_hop = (b"connection:", b"expect:")
    lines = [x for x in head.split(b"\r\n") if not x.lower().startswith(hop_by_hop)]
    return b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])


def content_length(head: bytes) -> int:
    """Return the length that a head announces; 0 where it says nothing."""
    found = re.search(rb"(?im)^content-length: *(\d+)", head)
    return int(found[1]) if found else 0


def copy(
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


def copy_all(source: socket.socket, send: Callable[[bytes], object]) -> None:
    """Send what comes until the connection ends."""
    while block := source.recv(_BLOCK):
        send(block)


def reset(connection: socket.socket) -> None:
    """End a connection as a crash does."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()
