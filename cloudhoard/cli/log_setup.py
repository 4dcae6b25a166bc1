"""Messages on stderr: one line each, for people or as JSON for log collectors."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from cloudhoard.cli.lower_layers import last_value
from cloudhoard.cli.printable import printable
from cloudhoard.cli.standard_streams import discard_the_rest

_LOG_FORMAT = "CLOUDHOARD_LOG_FORMAT"
_CLEAR_LINE = "\r\x1b[K"  # a progress bar may be standing there


class StderrHandler(logging.Handler):
    """Writes ``PROGRAM: level: message`` lines, and ``PROGRAM: hint:`` after them.

    A record's hint is its attribute ``hint`` (``extra={"hint": ...}``).
    """

    def __init__(self, program: str) -> None:
        super().__init__()
        self.program = program
        self.as_json = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; a stderr that is gone is no reason to fail."""
        stream = sys.stderr
        if stream is None:
            return
        text = self._json(record) if self.as_json else self._console(record)
        try:
            clear = _CLEAR_LINE if stream.isatty() else ""
            stream.write(clear + text + "\n")
            stream.flush()
        except (OSError, ValueError):
            discard_the_rest(stream)

    def _console(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        lines = [f"{self.program}: {level}: {printable(record.getMessage())}"]
        if hint := getattr(record, "hint", None):
            lines.append(f"{self.program}: hint: {printable(str(hint))}")
        if record.exc_info:
            trace = logging.Formatter().formatException(record.exc_info)
            lines += [f"  {printable(line)}" for line in trace.splitlines()]
        return "\n".join(lines)

    def _json(self, record: logging.LogRecord) -> str:
        document: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "program": self.program,
            "pid": record.process,
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        for name in ("hint", "exit_code"):
            if (value := getattr(record, name, None)) is not None:
                document[name] = value
        if record.exc_info:
            document["trace"] = logging.Formatter().formatException(record.exc_info)
        return json.dumps(document)


@contextmanager
def messages_on_stderr(program: str) -> Iterator[StderrHandler]:
    """Send all log records to stderr while the block runs."""
    handler = StderrHandler(program)
    ours, others = logging.getLogger("cloudhoard"), logging.getLogger()
    level = ours.level
    others.addHandler(handler)
    ours.setLevel(logging.WARNING)
    try:
        yield handler
    finally:
        others.removeHandler(handler)
        ours.setLevel(level)


def expect_log_format(handler: StderrHandler, words: Sequence[str]) -> None:
    """Write JSON from now on if the command line or the environment asks for it.

    It may turn out that the command line cannot be parsed; a log collector wants to
    understand that, too.
    """
    chosen = last_value("--log-format", words) or os.environ.get(_LOG_FORMAT)
    handler.as_json = chosen == "json"


def apply_log_options(handler: StderrHandler, args: argparse.Namespace) -> None:
    """Do what -v, -q and --log-format say.

    Other packages stay at warnings: their debug records may hold credentials.
    """
    handler.as_json = args.log_format == "json"
    level = logging.WARNING - 10 * (args.verbose - args.quiet)
    logging.getLogger("cloudhoard").setLevel(max(level, logging.DEBUG))
