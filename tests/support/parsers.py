"""The commands that the package installs, and their parsers."""

import argparse
import importlib
import tomllib
from pathlib import Path
from typing import Final

from cloudhoard.cli.command_parser import CommandParser

ROOT: Final = Path(__file__).parents[2]


def commands() -> list[str]:
    """Return the names of the programs that the package installs."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    scripts: list[str] = declared["tool"]["setuptools"]["script-files"]
    generated: dict[str, str] = declared["project"]["scripts"]
    return sorted([*generated, *(Path(script).name for script in scripts)])


COMMANDS: Final = commands()


def parser_of(command: str) -> CommandParser:
    """Return a new parser of one command, such as cloudhoard-backup."""
    name = command.removeprefix("cloudhoard-").replace("-", "_")
    module = importlib.import_module(f"cloudhoard.commands.{name}")
    parser = module.build_parser()
    assert isinstance(parser, CommandParser)
    return parser


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """Return all that begins with a hyphen, long and short."""
    return {name for action in parser._actions for name in action.option_strings}
