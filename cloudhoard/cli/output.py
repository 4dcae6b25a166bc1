"""The results of a command, on stdout and nowhere else."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from cloudhoard.cli.standard_streams import discard_the_rest

_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP: Final = 1024


class OutputClosed(Exception):
    """Nobody reads stdout any more, as in ``cloudhoard-backup-list ... | head``."""


def print_text(text: str) -> None:
    """Write text and a line end to stdout.

    What the terminal's character set does not have is escaped.

    Raises:
        OutputClosed: the reader has gone.
    """
    stream = sys.stdout
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    fitting = text.encode(encoding, "backslashreplace").decode(encoding)
    with _failing_for_good():
        stream.write(fitting + "\n")


def flush_output() -> None:
    """Hand over what is buffered; raises as print_text, or OSError on a full disk."""
    if sys.stdout is None:
        return
    with _failing_for_good():
        sys.stdout.flush()


@contextmanager
def _failing_for_good() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        discard_the_rest(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise OutputClosed from error
        raise


def print_json(document: object) -> None:
    """Write one JSON document, indented, ASCII only."""
    print_text(json.dumps(document, indent=2))


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> str:
    """Return rows below headers in columns; those numbered in right end flush.

    Cells are written as they are: escape what is of unknown origin with printable().
    """
    lines = [headers, *rows]
    widths = [
        max(len(line[column]) for line in lines) for column in range(len(headers))
    ]
    return "\n".join(_line(line, widths, right) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if column in right else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def binary_size(size: int) -> str:
    """Return size bytes for people: ``512 B``, ``1.5 MiB``."""
    if abs(size) < _STEP:
        return f"{size} B"
    value = float(size)
    unit = "B"
    for unit in _UNITS:  # noqa: B007 - the last one is used below
        value /= _STEP
        if abs(value) < _STEP - 0.05:  # 1023.95 would be printed as 1024.0
            break
    return f"{value:.1f} {unit}"
