"""cloudhoard-check-wal-archive: whether a new cluster may archive here."""

import argparse
from collections.abc import Sequence

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    positive_int,
)
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.time_limits import USUAL_DEADLINE
from cloudhoard.cli.wiring import opened_archive
from cloudhoard.operations.check_empty_archive import (
    check_empty,
    check_timeline_is_free,
)


def build_parser() -> CommandParser:
    """Return the command line, as cloudhoard-check-wal-archive(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-check-wal-archive",
        description="Tell by the exit code whether a new cluster may archive here.",
    )
    add_archive_arguments(parser, "destination_url")
    parser.add_argument(
        "--timeline",
        type=positive_int,
        metavar="N",
        help="accept what is there as long as it is of timelines before N",
    )
    add_common_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    with opened_archive(args) as storage:
        if args.test:
            storage.check_access()
        elif args.timeline is None:
            check_empty(storage)
        else:
            check_timeline_is_free(storage, args.timeline)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console script; return its exit code."""
    return run_command(build_parser(), run, argv, usual_deadline=USUAL_DEADLINE)
