"""JSON documents that others may have written: read strictly, refused in one line.

Our own documents are small and flat. What is unknown in them is skipped, so that an
older version reads what a newer one wrote; what is known must have its type.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NoReturn

from cloudhoard.errors import InvalidFormat

LARGEST_INTEGER: Final = (1 << 64) - 1
"""Sizes, counts and identifiers are all below it."""

_DECIMAL: Final = re.compile(r"[0-9]{1,20}")
_HEX: Final = re.compile(r"[0-9a-f]*")


class JsonObject:
    """One JSON object whose members are asked for by name and type."""

    def __init__(self, members: Mapping[str, object], what: str) -> None:
        self._members = members
        self.what = what

    @classmethod
    def parse(cls, data: bytes, what: str, *, at_most: int) -> "JsonObject":
        """Read a document of at most at_most bytes; what names it in errors.

        Raises:
            InvalidFormat: it is too long, not JSON, or not an object.
        """
        if len(data) > at_most:
            raise InvalidFormat(f"{what} is longer than {at_most} bytes")
        try:
            value = json.loads(
                data.decode("utf-8"),
                parse_constant=_no_constant,
                object_pairs_hook=_without_duplicates,
            )
        except (ValueError, RecursionError) as error:
            raise InvalidFormat(f"{what} is not valid JSON") from error
        return cls.of(value, what)

    @classmethod
    def of(cls, value: object, what: str) -> "JsonObject":
        """Take value, already decoded, as an object."""
        if not isinstance(value, dict):
            raise InvalidFormat(f"{what} is not a JSON object")
        return cls(value, what)

    def text(self, name: str) -> str:
        """Return the string called name."""
        value = self._members.get(name)
        if not isinstance(value, str):
            raise self._refusal(name, "a string")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return the string called name, None where it is absent or null."""
        return None if self._members.get(name) is None else self.text(name)

    def integer(
        self, name: str, *, smallest: int = 0, largest: int = LARGEST_INTEGER
    ) -> int:
        """Return the number called name, within its bounds."""
        value = self._members.get(name)
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not smallest <= value <= largest
        ):
            raise self._refusal(name, f"an integer from {smallest} to {largest}")
        return value

    def decimal(self, name: str) -> int:
        """Return the 64-bit number that the string called name holds."""
        value = self._members.get(name)
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            number = int(value)
            if number <= LARGEST_INTEGER:
                return number
        raise self._refusal(name, "a string with a 64-bit number")

    def boolean(self, name: str) -> bool:
        """Return the truth value called name."""
        value = self._members.get(name)
        if not isinstance(value, bool):
            raise self._refusal(name, "true or false")
        return value

    def hex_digits(self, name: str, *, size: int) -> str:
        """Return the string called name, size bytes in lower-case hexadecimal."""
        value = self._members.get(name)
        if not isinstance(value, str) or not is_hex(value, size=size):
            raise self._refusal(name, f"{2 * size} hexadecimal digits")
        return value

    def optional_hex_digits(self, name: str, *, size: int) -> str | None:
        """Return the same as hex_digits, None where it is absent or null."""
        if self._members.get(name) is None:
            return None
        return self.hex_digits(name, size=size)

    def hex_list(self, name: str, *, size: int, at_most: int) -> tuple[str, ...]:
        """Return the array of hexadecimal strings called name."""
        values = self._array(name)
        if len(values) > at_most:
            raise self._refusal(name, f"an array of at most {at_most}")
        found = [
            value
            for value in values
            if isinstance(value, str) and is_hex(value, size=size)
        ]
        if len(found) != len(values):
            raise self._refusal(
                name, f"an array of strings of {2 * size} hexadecimal digits"
            )
        return tuple(found)

    def instant(self, name: str) -> datetime:
        """Return the moment called name: ISO 8601 with a time zone, as UTC."""
        text = self.text(name)
        try:
            value = datetime.fromisoformat(text)
            if value.tzinfo is not None:
                return value.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise self._refusal(name, "a time with its zone")

    def objects(self, name: str) -> "Iterable[JsonObject]":
        """Return the array of objects called name."""
        return [
            JsonObject.of(value, f"{name}[{number}] of {self.what}")
            for number, value in enumerate(self._array(name))
        ]

    def _array(self, name: str) -> list[object]:
        value = self._members.get(name)
        if not isinstance(value, list):
            raise self._refusal(name, "an array")
        return value

    def _refusal(self, name: str, expected: str) -> InvalidFormat:
        if name not in self._members:
            return InvalidFormat(f"{self.what} has no {name!r}")
        return InvalidFormat(f"{name!r} of {self.what} is not {expected}")


def is_hex(text: str, *, size: int) -> bool:
    """Tell whether text is size bytes in lower-case hexadecimal."""
    return len(text) == 2 * size and _HEX.fullmatch(text) is not None


def render_json(members: Mapping[str, object], *, indent: int | None = None) -> str:
    """Return members as one JSON document in ASCII, without a last line feed."""
    separators = (",", ":") if indent is None else None
    return json.dumps(members, indent=indent, separators=separators, allow_nan=False)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "a name appears twice"
        raise ValueError(message)
    return members
