"""Where options come from that are not on the command line.

From high to low: the environment, the site's table, the table of defaults.
"""

import logging
import os
from argparse import Action
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cloudhoard.cli.known_options import (
    ARCHIVE_KEYS,
    COMMAND_LINE_ONLY,
    LIBPQ_HAS_ITS_OWN,
    SETTABLE,
)
from cloudhoard.cli.layer import Layer, Setting
from cloudhoard.errors import UsageError

DEFAULT_FILE: Final = Path("/etc/cloudhoard/cloudhoard.toml")

_SITE: Final = "CLOUDHOARD_SITE"
_CONFIG: Final = "CLOUDHOARD_CONFIG"
_PREFIX: Final = "CLOUDHOARD" + "_"

_log = logging.getLogger(__name__)


class Source(NamedTuple):
    """What the command line and the environment say about where to look."""

    site: str | None
    config: Path | None
    none_at_all: bool
    """``--no-config``: neither a file nor the environment."""

    @classmethod
    def of(cls, words: Sequence[str]) -> "Source":
        """Find it in a command line, which cannot be parsed without knowing it."""
        if "--" in words:
            words = words[: words.index("--")]
        if "--no-config" in words:
            return cls(None, None, none_at_all=True)
        config = last_value("--config", words) or os.environ.get(_CONFIG)
        return cls(
            site=last_value("--site", words) or os.environ.get(_SITE) or None,
            config=Path(config) if config else None,
            none_at_all=False,
        )


def last_value(option: str, words: Sequence[str]) -> str | None:
    """Return the value of an option that takes one, found without a parser."""
    found = None
    for index, word in enumerate(words):
        if word.startswith(option + "="):
            found = word.partition("=")[2]
        elif word == option and index + 1 < len(words):
            found = words[index + 1]
    return found


def lower_layers(source: Source, actions: Sequence[Action]) -> list[Layer]:
    """Return the layers below the command line, the highest first.

    Raises:
        UsageError: the file cannot be read, is wrong, or does not have the site.
    """
    if source.none_at_all:
        return []
    layers = [_environment(actions)]
    needed = source.config is not None
    if needed or source.site is not None or not _is_missing(DEFAULT_FILE):
        # Imported only where it is needed: it costs each start.
        from cloudhoard.cli.site_file import read_site_file  # noqa: PLC0415

        path = source.config or DEFAULT_FILE
        layers += read_site_file(path, source.site, must_exist=needed)
    return layers


def _is_missing(path: Path) -> bool:
    """Whether it is certain that there is no such file."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def archive_of(layers: Sequence[Layer]) -> dict[str, str]:
    """Return what the site in force has of url and server_name, so named.

    Raises:
        UsageError: one of them is no string.
    """
    archive: dict[str, str] = {}
    for layer in reversed(layers):
        for key in ARCHIVE_KEYS:
            if (setting := layer.settings.get(key)) is None:
                continue
            if not isinstance(setting.value, str) or not setting.value:
                place = setting.place
                raise UsageError(f"{place}: has to be a string that is not empty")
            archive[key.replace("-", "_")] = setting.value
    return archive


def _environment(actions: Sequence[Action]) -> Layer:
    given = {name for name in os.environ if name.startswith(_PREFIX)}
    if not given:
        return Layer({}, from_environment=True)
    given -= {_SITE, _CONFIG}
    names = {name[2:] for a in actions for name in a.option_strings if name[:2] == "--"}
    _warn_of_others(given, names)
    settable = (names & SETTABLE) - LIBPQ_HAS_ITS_OWN
    settings = {
        key: Setting(f"${variable}", text)
        for key in sorted(settable)
        if (text := os.environ.get(variable := _variable(key)))
    }
    return Layer(settings, from_environment=True)


def _warn_of_others(given: set[str], names: set[str]) -> None:
    """Warn of what seems to be meant for us and is not read."""
    for key in sorted(names & COMMAND_LINE_ONLY - {"site", "config"}):
        if (variable := _variable(key)) in given:
            _log.warning("$%s is not read: --%s is not set that way", variable, key)
    known = {_variable(key) for key in SETTABLE | COMMAND_LINE_ONLY}
    for variable in sorted(given - known):
        if meant := _misspelt(variable):
            _log.warning("$%s is not read; did you mean $%s?", variable, meant)


def _misspelt(variable: str) -> str | None:
    """Return what a variable that is none was probably to be.

    Kubernetes and the tests have variables of our prefix, too, and each command looks
    at them: only what is one letter off counts.
    """
    letters = variable.replace("_", "")
    for key in sorted(SETTABLE):
        meant = _variable(key)
        if _is_one_letter_off(letters, meant.replace("_", "")):
            return meant
    return None


def _is_one_letter_off(one: str, other: str) -> bool:
    pairs = enumerate(zip(one, other, strict=False))
    shorter = min(len(one), len(other))
    same = next((n for n, (mine, its) in pairs if mine != its), shorter)
    rest, of_other = one[same:], other[same:]
    return rest[1:] in (of_other, of_other[1:]) or rest == of_other[1:]


def _variable(key: str) -> str:
    return _PREFIX + key.upper().replace("-", "_")
