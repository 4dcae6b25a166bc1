r"""Python literals, as barman writes some values of backup.info, read as plain data.

Nothing is evaluated, and not even handed to Python's own parser, which can be made to
exhaust the stack: only what repr() prints for strings, numbers, None, True, False,
lists, tuples and dicts is understood.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from cloudhoard.errors import InvalidFormat

Literal: TypeAlias = (
    "str | int | float | bool | list[Literal] | tuple[Literal, ...]"
    " | dict[str, Literal] | None"
)

_DEEPEST: Final = 20
_MOST_VALUES: Final = 500_000  # 50,000 tablespaces come to half of it
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text> '[^'\\]*(?:\\.[^'\\]*)*' | "[^"\\]*(?:\\.[^"\\]*)*" )
      | (?P<float> -?[0-9]{1,30}
            (?: \.[0-9]{1,30}(?:e[+-]?[0-9]{1,3})? | e[+-]?[0-9]{1,3} ) )
      | (?P<integer> -?[0-9]{1,30} )
      | (?P<word> None | True | False )
      | (?P<mark> [\[\](){},:] )
      | (?P<end> \Z )
    )""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(
    r"\\(?:x(?P<x>[0-9a-f]{2})|u(?P<u>[0-9a-f]{4})|U(?P<U>[0-9a-f]{8})|(?P<one>.))"
)
_ONE: Final = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final[dict[str, bool | None]] = {"None": None, "True": True, "False": False}
_LARGEST_CHARACTER: Final = 0x10FFFF


def parse_literal(text: str) -> Literal:
    """Return the value that text is the repr() of.

    Raises:
        InvalidFormat: it is the repr() of nothing that we take, or nested too deeply.
    """
    reader = _Reader(text)
    value = reader.value(depth=0)
    reader.expect_end()
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._values = 0
        self._kind = ""
        self._token = ""
        self._advance()

    def value(self, *, depth: int) -> Literal:
        if depth > _DEEPEST:
            raise InvalidFormat(f"a value is nested more than {_DEEPEST} deep")
        self._values += 1
        if self._values > _MOST_VALUES:
            raise InvalidFormat(f"more than {_MOST_VALUES} values in one")
        kind, token = self._kind, self._token
        self._advance()
        if kind in _SCALARS:
            return _SCALARS[kind](token)
        if kind == "mark" and token in _OPENING:
            return _OPENING[token](self, depth)
        raise self._unexpected()

    def expect_end(self) -> None:
        if self._kind != "end":
            raise self._unexpected()

    def list_items(self, depth: int) -> list[Literal]:
        values: list[Literal] = []
        self._separated("]", lambda: values.append(self.value(depth=depth + 1)))
        return values

    def tuple_items(self, depth: int) -> tuple[Literal, ...]:
        values: list[Literal] = []
        commas = self._separated(
            ")", lambda: values.append(self.value(depth=depth + 1))
        )
        # (x) is x in brackets, which repr() never prints.
        if len(values) == 1 and not commas:
            raise self._unexpected()
        return tuple(values)

    def members(self, depth: int) -> dict[str, Literal]:
        values: dict[str, Literal] = {}

        def member() -> None:
            name = self.value(depth=depth + 1)
            if not isinstance(name, str) or name in values:
                raise self._unexpected()
            self._take(":")
            values[name] = self.value(depth=depth + 1)

        self._separated("}", member)
        return values

    def _separated(self, closing: str, member: Callable[[], None]) -> int:
        commas = 0
        while self._token != closing or self._kind != "mark":
            member()
            if self._token == closing and self._kind == "mark":
                break
            self._take(",")
            commas += 1
        self._advance()
        return commas

    def _take(self, mark: str) -> None:
        if self._kind != "mark" or self._token != mark:
            raise self._unexpected()
        self._advance()

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._position)
        if match is None or match.lastgroup is None:
            raise self._unexpected()
        self._kind = match.lastgroup
        self._token = match[self._kind]
        self._position = match.end()

    def _unexpected(self) -> InvalidFormat:
        return InvalidFormat(f"not a plain value near character {self._position}")


def _unquoted(token: str) -> str:
    return _ESCAPE.sub(_character, token[1:-1])


def _finite(token: str) -> float:
    number = float(token)
    if math.isinf(number):
        raise InvalidFormat("a number is out of range")
    return number


def _character(match: re.Match[str]) -> str:
    one = match["one"]
    if one is None:
        code = int(match["x"] or match["u"] or match["U"], 16)
        if code > _LARGEST_CHARACTER:
            raise InvalidFormat("a string holds an escape beyond Unicode")
        return chr(code)
    if one not in _ONE:
        raise InvalidFormat("a string holds an escape that is not Python's")
    return _ONE[one]


_SCALARS: Final[Mapping[str, Callable[[str], Literal]]] = {
    "text": _unquoted,
    "integer": int,
    "float": _finite,
    "word": _WORDS.__getitem__,
}
_OPENING: Final[Mapping[str, Callable[[_Reader, int], Literal]]] = {
    "[": _Reader.list_items,
    "(": _Reader.tuple_items,
    "{": _Reader.members,
}
