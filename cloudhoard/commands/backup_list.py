"""cloudhoard-backup-list: the backups of an archive."""

import argparse
from collections.abc import Sequence

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_format_option,
    add_trust_option,
)
from cloudhoard.cli.backup_json import backup_json
from cloudhoard.cli.backup_text import backup_table
from cloudhoard.cli.output import print_json, print_text
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.time_limits import USUAL_DEADLINE
from cloudhoard.cli.wiring import read_archive
from cloudhoard.operations.read_catalog import read_catalog


def build_parser() -> CommandParser:
    """Return the command line, as cloudhoard-backup-list(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-backup-list",
        description="List the backups of a server, complete or not.",
    )
    add_archive_arguments(parser, "source_url")
    add_format_option(parser)
    add_trust_option(parser)
    add_common_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    catalog = read_archive(
        args, lambda storage, trust: read_catalog(storage, trust=trust)
    )
    if catalog is None:
        return
    if args.format == "json":
        print_json({"backups_list": [backup_json(each) for each in catalog.backups]})
    else:
        print_text(backup_table(catalog))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console script; return its exit code."""
    return run_command(build_parser(), run, argv, usual_deadline=USUAL_DEADLINE)
