"""One source of options beside the command line: the environment, a table of a file.

Tuples, not dataclasses: every start makes the classes, and those take far longer.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Setting(NamedTuple):
    """The value of one option, not looked at yet."""

    place: str
    """Where it stands, for messages: ``FILE, line 3: jobs``, ``$CLOUDHOARD_JOBS``."""
    value: object
    """As TOML has it; from the environment a string."""


class Layer(NamedTuple):
    """Settings by the long names of options, without hyphens."""

    settings: Mapping[str, Setting]
    from_environment: bool = False
