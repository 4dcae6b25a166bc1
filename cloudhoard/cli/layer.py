"""One source of options beside the command line: the environment, a table of a file."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of one option, not looked at yet."""

    place: str
    """Where it stands, for messages: ``FILE, line 3: jobs``, ``$CLOUDHOARD_JOBS``."""
    value: object
    """As TOML has it; from the environment a string."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings by the long names of options, without hyphens."""

    settings: Mapping[str, Setting]
    from_environment: bool = False
