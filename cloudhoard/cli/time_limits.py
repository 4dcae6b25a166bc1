"""The options that say how long a store may take; the same for every store."""

import argparse
from typing import Final

from cloudhoard.cli.value_types import non_negative_int, positive_int

USUAL_DEADLINE: Final = 300
"""Seconds after which a command that moves little gives up, if nothing is said."""

_USUAL_RETRIES: Final = 3
_PATIENT_RETRIES: Final = 9
"""12 to 20 seconds, where connections are refused: a store that is started again."""

_LOCAL: Final = ("file:", "memory:")
_LEAST_TRIES: Final = 4
"""Silences that fit into a deadline, so that it leaves room for trying again."""


def add_time_limits(parser: argparse.ArgumentParser) -> None:
    """Add them; each store's wiring reads what it can do something about."""
    group = parser.add_argument_group("time limits")
    group.add_argument(
        "--deadline",
        type=non_negative_int,
        metavar="SECONDS",
        help="for the whole command; 0: none (default: see the manual page)",
    )
    group.add_argument(
        "--connect-timeout",
        type=positive_int,
        metavar="SECONDS",
        help="for a connection to be made (default: 10)",
    )
    group.add_argument(
        "--read-timeout",
        type=positive_int,
        metavar="SECONDS",
        help="that the store may be silent (default: 60)",
    )
    group.add_argument(
        "--retries",
        type=non_negative_int,
        metavar="N",
        help="how often a failed request is sent again (default: see the manual page)",
    )
    parser.set_defaults(usual_retries=_USUAL_RETRIES)


def be_patient(parser: argparse.ArgumentParser) -> None:
    """Have a command that is not simply called again wait for a store that is away."""
    parser.set_defaults(usual_retries=_PATIENT_RETRIES)


def deadline_of(args: argparse.Namespace, usual: float) -> float:
    """Return the seconds that the whole command may take; 0: as many as it needs.

    usual is for a store in the network when the option is not given: a directory
    answers, or the kernel waits for it and nothing can be done.
    """
    given: int | None = getattr(args, "deadline", None)
    if given is not None:
        return given
    return 0 if is_local(args) else usual


def is_local(args: argparse.Namespace) -> bool:
    """Tell whether the command talks to no store in the network."""
    return str(getattr(args, "url", None) or "file:").lower().startswith(_LOCAL)


def timeouts_of(
    args: argparse.Namespace, *, connect: float, read: float
) -> tuple[float, float]:
    """Return the seconds for a connection, and for a silence.

    What is not given is connect and read, or less, if the deadline asks for it.
    """
    room = args.deadline / _LEAST_TRIES if args.deadline else max(connect, read)
    return (
        args.connect_timeout or min(connect, room),
        args.read_timeout or min(read, room),
    )
