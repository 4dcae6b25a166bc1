"""The table of options is the options of all commands that there are."""

import argparse

from cloudhoard.cli.known_options import COMMAND_LINE_ONLY, SETTABLE
from cloudhoard.cli.refused_options import RefusedOption
from tests.support.parsers import COMMANDS, parser_of


def actions() -> dict[str, list[argparse.Action]]:
    found: dict[str, list[argparse.Action]] = {}
    for command in COMMANDS:
        for action in parser_of(command)._actions:
            for name in action.option_strings:
                if name.startswith("--") and not isinstance(action, RefusedOption):
                    found.setdefault(name[2:], []).append(action)
    return found


def test_table_has_the_long_options_of_all_commands() -> None:
    """Add a new option to cloudhoard/cli/known_options.py, in one of the two sets."""
    listed = SETTABLE | COMMAND_LINE_ONLY

    assert sorted(actions().keys() - listed) == [], "not in known_options.py"
    assert sorted(listed - actions().keys()) == [], "no command has it"
    assert SETTABLE.isdisjoint(COMMAND_LINE_ONLY)


def test_what_can_be_set_has_one_value_or_none_or_is_repeatable() -> None:
    of_other_forms = {
        name
        for name, found in actions().items()
        if name in SETTABLE
        for action in found
        if action.nargs not in (None, 0)
    }

    assert of_other_forms == set()
