"""Write the completions of bash and zsh, from the parsers of all commands, by shtab.

    python scripts/make_completions.py [DIRECTORY]

DIRECTORY is share/ of this checkout; what stands there is installed as it is. Run it
when an option has changed, with the Python of the tests.
"""

import argparse
import importlib
import pkgutil
import re
import sys
from pathlib import Path
from typing import Final

import shtab

import cloudhoard.commands

PLACES: Final = {
    "bash": "bash-completion/completions/{}",
    "zsh": "zsh/site-functions/_{}",
}
DIRECTORIES: Final = ("DIR", "RECOVERY_DIR")
"""Metavars; whatever else is a path is a file."""
NOTHING: Final = {"zsh": "( )"}
"""Without it zsh shows what an argument means, and inserts no option beside it."""


def prepare(action: argparse.Action) -> None:
    """Say how an argument is completed, in words that shtab and the shells take."""
    complete: object = None
    if action.type is Path:
        is_directory = action.metavar in DIRECTORIES
        complete = shtab.DIRECTORY if is_directory else shtab.FILE
    elif not action.option_strings and not action.choices:
        complete = NOTHING
    if complete is not None:
        action.complete = complete  # type: ignore[attr-defined]
    if isinstance(action.metavar, str):  # a colon in it would end it in zsh
        action.metavar = re.sub(r"\W+", " ", action.metavar).strip()


def main() -> None:
    """Write the files of all commands."""
    here = Path(__file__).resolve().parents[1] / "share"
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else here
    for module in pkgutil.iter_modules(cloudhoard.commands.__path__):
        command = importlib.import_module(f"cloudhoard.commands.{module.name}")
        parser: argparse.ArgumentParser = command.build_parser()
        for action in parser._actions:  # noqa: SLF001 - there is no other way to them
            prepare(action)
        for shell, place in PLACES.items():
            path = directory / place.format(parser.prog)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = shtab.complete(parser, shell=shell)
            lines = [line.rstrip() for line in text.splitlines()]
            path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
