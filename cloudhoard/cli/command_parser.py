"""The parser of every command: an error is one line, options stand anywhere."""

import argparse
import os
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Final, NoReturn

from cloudhoard.cli.barman_options import with_full_names
from cloudhoard.cli.known_options import ARCHIVE_KEYS
from cloudhoard.cli.layer import Layer
from cloudhoard.cli.lower_layers import Source, archive_of, lower_layers
from cloudhoard.errors import UsageError

if TYPE_CHECKING:
    from cloudhoard.cli.merge_layers import LayerValues

_USUAL_WIDTH: Final = 80
_URL_MARK: Final = "://"
_VALUE_OF_FLAG: Final = ": ignored explicit argument "


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


class _Given(argparse.Namespace):
    """Has what was given, and no defaults: argparse takes them all for set."""

    def __getattr__(self, name: str) -> None:
        if name.startswith("_"):  # argparse's own
            raise AttributeError(name)


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
        namespace: None = None,  # noqa: ARG002 - argparse's signature
    ) -> argparse.Namespace:
        """Return the values of all options and arguments, wherever they come from.

        Options may stand between positionals. What is not on the command line comes
        from the environment, a site, a file's defaults or the parser, in this order.

        Raises:
            UsageError: they cannot be parsed, or the file is wrong.
        """
        typed = sys.argv[1:] if args is None else args
        words = with_full_names(self.prog, typed, self._option_string_actions)
        source = Source.of(words)
        try:
            below = lower_layers(source, self._actions)
        except UsageError as problem:
            self._try(words)
            raise problem from None
        if source.site is None and not any(layer.settings for layer in below):
            return self._parse(words, argparse.Namespace())
        return self._with_layers(words, below, has_site=source.site is not None)

    def _with_layers(
        self, words: Sequence[str], below: Sequence[Layer], *, has_site: bool
    ) -> argparse.Namespace:
        # Imported only where it is needed: it costs each start.
        from cloudhoard.cli.merge_layers import LayerValues, merge  # noqa: PLC0415

        try:
            layers = [LayerValues(self, layer) for layer in below]
            for_site = has_site and self._has_archive()
            archive = archive_of(below) if for_site else {}
        except UsageError as problem:
            self._try(words)
            raise problem from None
        return merge(self, self._given(words, layers, archive), layers)

    def _try(self, words: Sequence[str]) -> None:
        """Do what --help and --version ask, which need nothing else to be right."""
        with suppress(UsageError):
            self._parse(words, argparse.Namespace())

    def _given(
        self,
        words: Sequence[str],
        layers: Sequence["LayerValues"],
        archive: Mapping[str, str],
    ) -> dict[str, object]:
        """Return what the command line gives, with archive where it names none."""
        given = _Given()
        with self._content_with(layers):
            try:
                self._parse(words, given)
            except UsageError:
                if not archive or _names_an_archive(given):
                    raise
            if archive and not _names_an_archive(given):
                _check_archive(archive)
                given = _Given(**archive)
                with self._without(archive):
                    self._parse(words, given)
        return vars(given)

    def _parse(
        self, words: Sequence[str], namespace: argparse.Namespace
    ) -> argparse.Namespace:
        # Only where a positional is optional does argparse need the second pass.
        if any(a.nargs is not None for a in self._get_positional_actions()):
            found, others = self.parse_known_intermixed_args(words, namespace)
        else:
            found, others = self.parse_known_args(words, namespace)
        if others:
            self.error(f"unrecognized arguments: {' '.join(_without_values(others))}")
        return found

    def _has_archive(self) -> bool:
        return any(action.dest == "url" for action in self._actions)

    @contextmanager
    def _content_with(self, layers: Sequence["LayerValues"]) -> Iterator[None]:
        """Do not ask for what the layers have."""
        there = {action for layer in layers for action in layer.actions.values()}
        asked: list[argparse.Action | argparse._MutuallyExclusiveGroup]
        asked = [action for action in there if action.required]
        for group in self._mutually_exclusive_groups:
            if group.required and there.intersection(group._group_actions):  # noqa: SLF001
                asked.append(group)
        for each in asked:
            each.required = False
        try:
            yield
        finally:
            for each in asked:
                each.required = True

    @contextmanager
    def _without(self, positionals: Container[str]) -> Iterator[None]:
        """Do not take the positionals of these names."""
        actions = list(self._actions)
        self._actions[:] = [a for a in actions if a.dest not in positionals]
        try:
            yield
        finally:
            self._actions[:] = actions

    def error(self, message: str) -> NoReturn:
        """Raise UsageError with what argparse says, but no value of an option."""
        about, refused, _ = message.partition(_VALUE_OF_FLAG)
        if refused:
            message = f"{about}: takes no value"
        raise UsageError(message, hint=f"see {self.prog} --help, or {self.prog}(1)")


def _without_values(words: Sequence[str]) -> list[str]:
    """Return what names unknown words; a value among them may be a password.

    Beside an unknown option any other word may be its value, or have moved over to
    where that was left out.
    """
    options = [word for word in words if word.startswith("-")]
    return [_option_name(word) for word in options] or [_shown(word) for word in words]


def _option_name(word: str) -> str:
    name, *_ = word.partition("=")[0].split(maxsplit=1)
    return name if name.startswith("--") else name[:2]


def _shown(word: str) -> str:
    ends = [end for mark in "=:" if (end := word.find(mark) + 1)]
    return f"{word[: min(ends)]}..." if ends else word


def _check_archive(archive: Mapping[str, str]) -> None:
    if len(archive) < len(ARCHIVE_KEYS):
        there, missing = ARCHIVE_KEYS if "url" in archive else ARCHIVE_KEYS[::-1]
        raise UsageError(
            f"the site has a {there} and no {missing}",
            hint="give both in its table, or both on the command line",
        )


def _names_an_archive(given: _Given) -> bool:
    return _URL_MARK in str(given.url)
