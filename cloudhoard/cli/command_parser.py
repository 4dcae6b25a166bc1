"""The parser of every command: an error is one line, options stand anywhere."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import Final, NoReturn

from cloudhoard.cli.barman_options import with_full_names
from cloudhoard.errors import UsageError

_USUAL_WIDTH: Final = 80


class _Formatter(argparse.HelpFormatter):
    """Knows the terminal's width by itself.

    argparse makes a formatter at each add_argument, and imports shutil, with all the
    compressions, to find out.
    """

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdecimal() else 0
        super().__init__(prog, width=(width or _terminal_width()) - 2)


@cache
def _terminal_width() -> int:
    try:
        return os.get_terminal_size(1).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are UsageError: one line, a hint, exit code 3.

    ``--help`` is there always, ``-h`` only with short_help (in backup it is the
    host). Of the long options only barman-cloud's own may be shortened: what works in
    a crontab today must not become ambiguous with tomorrow's option.
    """

    def __init__(self, prog: str, description: str, *, short_help: bool = True) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=f"See {prog}(1).",
            add_help=False,
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        names = ("-h", "--help") if short_help else ("--help",)
        self.add_argument(*names, action="help", help="show this help message and exit")

    def parse_args(  # type: ignore[override]  # the overloads are for own namespaces
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> argparse.Namespace:
        """Return the arguments; options may stand between positionals.

        Raises:
            UsageError: they cannot be parsed.
        """
        words = with_full_names(
            self.prog,
            sys.argv[1:] if args is None else args,
            self._option_string_actions,
        )
        # Only where a positional is optional does argparse need the second pass.
        if any(a.nargs is not None for a in self._get_positional_actions()):
            return self.parse_intermixed_args(words, namespace)
        return super().parse_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with what argparse says."""
        raise UsageError(message, hint=f"see {self.prog} --help, or {self.prog}(1)")
