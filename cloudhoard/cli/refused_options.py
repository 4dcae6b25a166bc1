"""What barman-cloud does and we do not: known, and refused with the reason."""

import argparse
import os
from collections.abc import Iterable
from typing import NoReturn

from cloudhoard.errors import UsageError


class RefusedOption(argparse.Action):
    """An option for backups by disk snapshots; its const is the hint."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        _values: object,
        option_string: str | None = None,
    ) -> NoReturn:
        """Say that it is refused."""
        raise UsageError(
            f"{option_string}: backups by disk snapshots are not supported",
            hint=self.const,
        )


def add_snapshot_options(
    parser: argparse.ArgumentParser, names: Iterable[str], *, hint: str
) -> None:
    """Add options of barman-cloud's for disk snapshots, to be refused."""
    for name in names:
        parser.add_argument(
            name,
            action=RefusedOption,
            const=hint,
            dest="refused",
            help=argparse.SUPPRESS,
        )


def is_barman_hook() -> bool:
    """Whether a Barman server runs this as a hook script, without arguments."""
    return "BARMAN_HOOK" in os.environ and "BARMAN_PHASE" in os.environ


def refuse_barman_hook(hint: str) -> None:
    """Raise UsageError where a Barman server runs this."""
    if is_barman_hook():
        raise UsageError(
            "running as a hook script of a Barman server is not supported",
            hint=f"{hint}; or unset BARMAN_HOOK",
        )
