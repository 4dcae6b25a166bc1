"""What went through a proxy: each request with its answer, and requests held back."""

import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

_TIMEOUT: Final = 60


@dataclass
class Exchange:
    """One request, and how it was answered."""

    method: str
    path: str
    """Decoded, with the bucket where that is part of it."""
    query: dict[str, str]
    status: int = 0
    """0: not answered."""
    sent: int = 0
    """Bytes of the request's body that were forwarded."""
    received: int = 0
    """Bytes of the answer's body."""

    @classmethod
    def of(cls, request_line: str) -> "Exchange":
        """Return the exchange that begins with that line of HTTP."""
        method, target, _ = request_line.split(" ")
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, unquote(parts.path), query)

    @property
    def call(self) -> str:
        """What is asked, as one word: LIST, PUT, PART, ..., HEAD, DELETE."""
        query = self.query
        if "uploadId" in query:
            named = {"PUT": "PART", "POST": "COMPLETE", "DELETE": "ABORT"}
            return named[self.method]
        if "uploads" in query:
            return {"POST": "BEGIN", "GET": "LIST-UPLOADS"}[self.method]
        if "delete" in query:
            return "DELETE-MANY"
        return "LIST" if "list-type" in query else self.method

    def __str__(self) -> str:
        place = self.query.get("prefix", self.path)
        return f"{self.call} {place} -> {self.status}"


def calls(exchanges: Iterable[Exchange]) -> Counter[str]:
    """Return how often each call was made."""
    return Counter(each.call for each in exchanges)


Side = Literal["request", "answer"]


class Gate:
    """Holds requests whose first line matches, or their answers, until it is opened."""

    def __init__(self, pattern: str, side: Side, *, after: int, passing: int) -> None:
        """Let the first ``passing`` of them pass.

        Of the others so many bytes of the body pass, of the request or the answer.
        """
        self.side = side
        self.after = after
        self._pattern = pattern
        self._passing = passing
        self._waiting = 0
        self._changed = threading.Condition()
        self._is_open = False

    def holds(self, line: str) -> bool:
        """Tell whether the request that begins with line is one to be held."""
        if re.search(self._pattern, line) is None:
            return False
        with self._changed:
            self._passing -= 1
            return self._passing < 0 and not self._is_open

    def wait(self) -> None:
        """Hold the calling thread until the gate is open."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_open, _TIMEOUT)

    def wait_for(self, number: int = 1) -> None:
        """Return once so many requests are held at the same time."""
        with self._changed:
            is_full = self._changed.wait_for(lambda: self._waiting >= number, _TIMEOUT)
        assert is_full, f"{self._waiting} requests are held, not {number}"

    def open(self) -> None:
        """Let all go, now and later."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()
