"""The options that say how long a store may take; the same for every store."""

import argparse

from cloudhoard.cli.value_types import non_negative_int, positive_int


def add_time_limits(parser: argparse.ArgumentParser) -> None:
    """Add them; each store's wiring reads what it can do something about."""
    group = parser.add_argument_group("time limits")
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
        help="how often a failed request is sent again (default: 3)",
    )
