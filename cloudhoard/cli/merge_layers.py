"""From layers of settings to the values of options, as if they had been typed."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Final

from cloudhoard.cli.layer import Layer, Setting
from cloudhoard.cli.value_types import non_negative_int, positive_int, size
from cloudhoard.errors import UsageError

_SEPARATOR: Final = ";"
_YES: Final = ("1", "true", "yes", "on")
_NO: Final = ("0", "false", "no", "off")
_NUMBERS: Final = ("compression-level", "port")
"""Options whose text may be a number; of others their type says it."""
_MOST_COUNTED: Final = 3
_MOST_DIGITS: Final = 9
"""Of a count: Python refuses to convert thousands of them."""
_FIRST_PRINTABLE: Final = " "


class LayerValues:
    """What one layer sets, by the names that the parser gives the values."""

    def __init__(self, parser: argparse.ArgumentParser, layer: Layer) -> None:
        """Convert the settings that concern parser.

        Raises:
            UsageError: a value of the wrong type, or one that the option refuses, or
                two that exclude each other.
        """
        self.values: dict[str, object] = {}
        self.taken_back: set[argparse.Action] = set()
        self.actions: dict[str, argparse.Action] = {}
        self._places: dict[argparse.Action, str] = {}
        self._parser = parser
        for key, setting in layer.settings.items():
            action = parser._option_string_actions.get(f"--{key}")  # noqa: SLF001
            if action is not None:
                self._add(key, action, setting, layer)
        self._check_exclusion()

    def _add(
        self, key: str, action: argparse.Action, setting: Setting, layer: Layer
    ) -> None:
        if action in self._places:
            raise UsageError(f"{setting.place}: the same as {self._places[action]}")
        value = setting.value
        if layer.from_environment:
            value = _from_text(action, str(value), setting.place)
        texts = _texts(key, action, value, setting.place)
        if texts is None:
            self.taken_back.add(action)
            return
        self._places[action] = setting.place
        self.actions[action.dest] = action
        self.values[action.dest] = self._converted(key, action, texts, setting.place)

    def _converted(
        self, key: str, action: argparse.Action, texts: Sequence[str], place: str
    ) -> object:
        """Have argparse do with texts what it does with the command line's."""
        namespace = argparse.Namespace()
        if not texts:
            return []
        try:
            for text in texts:
                words = [] if action.nargs == 0 else [text]
                # No other way leads to the types and choices of an option.
                value = self._parser._get_values(action, words)  # noqa: SLF001
                setattr(namespace, action.dest, getattr(namespace, action.dest, None))
                action(self._parser, namespace, value, f"--{key}")
        except argparse.ArgumentError as error:
            raise UsageError(f"{place}: {error.message}") from error
        except UsageError as error:
            raise UsageError(f"{place}: {error.message}", hint=error.hint) from error
        return getattr(namespace, action.dest)

    def _check_exclusion(self) -> None:
        for group in self._parser._mutually_exclusive_groups:  # noqa: SLF001
            given = [a for a in group._group_actions if a in self._places]  # noqa: SLF001
            if len(given) > 1:
                one, other = (self._places[action] for action in given[:2])
                raise UsageError(f"{other}: not allowed with {one}")


def merge(
    parser: argparse.ArgumentParser,
    given: Mapping[str, object],
    layers: Sequence[LayerValues],
) -> argparse.Namespace:
    """Return the values of all options: given, of the layers, the parser's own.

    What a higher layer says replaces what a lower one says of the same option, and
    of all that exclude it.
    """
    values = dict(given)
    replaced = _replaced_by(parser, values)
    taken_back: set[argparse.Action] = set()
    for layer in layers:
        adopted = {
            dest: _beside(values, dest, value)
            for dest, value in layer.values.items()
            if dest not in replaced and layer.actions[dest] not in taken_back
        }
        values |= adopted
        replaced |= _replaced_by(parser, adopted)
        taken_back |= layer.taken_back
    for action in parser._actions:  # noqa: SLF001
        default = action.default
        if action.dest not in values and default is not argparse.SUPPRESS:
            is_text = isinstance(default, str)
            values[action.dest] = (
                parser._get_value(action, default) if is_text else default  # noqa: SLF001
            )
    return argparse.Namespace(**values)


def _replaced_by(
    parser: argparse.ArgumentParser, values: Mapping[str, object]
) -> set[str]:
    """Which values of lower layers no longer count."""
    replaced = set(values)
    for group in parser._mutually_exclusive_groups:  # noqa: SLF001
        dests = {action.dest for action in group._group_actions}  # noqa: SLF001
        if dests & replaced:
            replaced |= dests
    if "compression" in values:
        replaced.add("compression_level")
    if "encryption" in values:
        replaced.add("sse_customer_key")
        if values["encryption"] != "aws:kms":
            replaced.add("sse_kms_key_id")
    if "sse_customer_key" in values:
        replaced |= {"encryption", "sse_kms_key_id"}
    if "sse_kms_key_id" in values:
        replaced.add("sse_customer_key")
    return replaced


def _beside(higher: Mapping[str, object], dest: str, value: object) -> object:
    """What is left of a lower layer's value."""
    if dest == "compression" and higher.get("compression_level") is not None:
        return str(value).partition(":")[0]
    return value


def _from_text(action: argparse.Action, text: str, place: str) -> object:
    """Return what TOML would have for a text of the environment."""
    if action.nargs == 0:
        if text.lower() in _YES + _NO:
            return text.lower() in _YES
        if not text.isdecimal() or len(text) > _MOST_DIGITS:
            raise UsageError(f"{place}: {text!r} is neither true nor false")
        return int(text)
    if _is_repeatable(action):
        return [part for part in text.split(_SEPARATOR) if part]
    return text


def _texts(
    key: str, action: argparse.Action, value: object, place: str
) -> list[str] | None:
    """Return the words for an option; None where it takes a lower layer's back."""
    if action.nargs == 0:
        return _times(action, value, place)
    if isinstance(value, list) and _is_repeatable(action):
        return [_text(key, action, each, place) for each in value]
    return [_text(key, action, value, place)]


def _times(action: argparse.Action, value: object, place: str) -> list[str] | None:
    """One word for each time that a flag is given."""
    counts = isinstance(action, argparse._CountAction)  # noqa: SLF001
    if isinstance(value, bool) or (
        counts and isinstance(value, int) and 0 <= value <= _MOST_COUNTED
    ):
        return [""] * int(value) or None
    wanted = "true, false or how many times" if counts else "true or false"
    raise UsageError(f"{place}: has to be {wanted}")


def _text(key: str, action: argparse.Action, value: object, place: str) -> str:
    is_number = key in _NUMBERS or action.type in (positive_int, non_negative_int, size)
    if isinstance(value, str) and value:
        if min(value) < _FIRST_PRINTABLE:  # a command line cannot hold a NUL
            raise UsageError(f"{place}: has a control character")
        return value
    if isinstance(value, int) and not isinstance(value, bool) and is_number:
        return str(value)
    wanted = "a number or a string" if is_number else "a string that is not empty"
    if _is_repeatable(action):
        wanted = "an array of strings"
    raise UsageError(f"{place}: has to be {wanted}")


def _is_repeatable(action: argparse.Action) -> bool:
    return isinstance(action, argparse._AppendAction)  # noqa: SLF001
