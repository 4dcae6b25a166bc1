"""cloudhoard-backup-keep: keeps a backup, whatever the retention policy says."""

import argparse
from collections.abc import Sequence
from typing import Final

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_format_option,
    add_trust_option,
)
from cloudhoard.cli.output import print_json, print_text
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.time_limits import USUAL_DEADLINE
from cloudhoard.cli.wiring import opened_catalog, trust_of
from cloudhoard.domain.backup import KeepTarget
from cloudhoard.operations.keep_backup import keep_backup, release_backup
from cloudhoard.operations.read_catalog import find_backup

_NOT_KEPT: Final = "nokeep"


def build_parser() -> CommandParser:
    """Return the command line, as cloudhoard-backup-keep(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-backup-keep",
        description="Keep a backup from being deleted, or leave it to be deleted.",
    )
    add_archive_arguments(parser, "source_url")
    parser.add_argument(
        "backup", metavar="BACKUP", help="its id, its name, latest or oldest"
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "-r", "--release", action="store_true", help="keep it no longer"
    )
    action.add_argument(
        "-s", "--status", action="store_true", help="tell whether it is kept, and how"
    )
    action.add_argument(
        "--target",
        choices=[target.value for target in KeepTarget],
        help="keep it: with all WAL from it on, or with what makes it consistent",
    )
    add_format_option(parser)
    add_trust_option(parser)
    add_common_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    trust = trust_of(args)
    with opened_catalog(args, always=True) as storage:
        if args.test:
            storage.check_access()
            return
        backup = find_backup(storage, args.backup, trust=trust)
        keep = backup.keep
        if args.release:
            release_backup(storage, backup)
            keep = None
        elif args.target is not None:
            keep = KeepTarget(args.target)
            keep_backup(storage, backup, keep)
    if args.format == "json":
        name = keep.value if keep is not None else None
        print_json({"backup_id": backup.backup_id, "keep": name})
    elif args.status:
        print_text(f"Keep: {keep.value if keep is not None else _NOT_KEPT}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console script; return its exit code."""
    return run_command(build_parser(), run, argv, usual_deadline=USUAL_DEADLINE)
