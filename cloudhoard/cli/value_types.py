"""Types of option values: from an argument's text to what is meant by it."""

import argparse
import re
from typing import Final

_SIZE: Final = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:([kmgtpezy])(?:i?b)?|b)?", re.IGNORECASE
)
_LARGEST_INT: Final = (1 << 31) - 1
"""Neither the clock nor a library takes more; as seconds they are 68 years."""
_POWERS: Final = {unit: power for power, unit in enumerate("kmgtpezy", 1)}


def size(text: str) -> int:
    """Return a number of bytes; ``kB``, ``MB``, ``MiB``... are powers of 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size, such as 512MB")
    unit = (match[2] or "").lower()
    number = match[1]
    factor = 1024 ** _POWERS.get(unit, 0)
    try:
        whole = float(number) if "." in number else int(number)
        result = int(whole * factor)
    except (ValueError, OverflowError):  # hundreds of digits
        raise argparse.ArgumentTypeError(f"{text[:40]!r}... is too large") from None
    if result < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than one byte")
    return result


def positive_int(text: str) -> int:
    """Return an integer from 1 upwards."""
    return _int_from(text, 1)


def non_negative_int(text: str) -> int:
    """Return an integer from 0 upwards."""
    return _int_from(text, 0)


def _int_from(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"{value} is less than {least}")
    if value > _LARGEST_INT:
        raise argparse.ArgumentTypeError(f"{value} is more than {_LARGEST_INT}")
    return value
