"""cloudhoard-backup-delete: deletes backups, and the WAL that nobody needs any more."""

import argparse
from collections.abc import Sequence
from typing import Final

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_format_option,
    add_trust_option,
    non_negative_int,
)
from cloudhoard.cli.deletion_text import deletion_json, deletion_text
from cloudhoard.cli.output import print_json, print_text
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.wiring import opened_catalog, trust_of
from cloudhoard.domain.deletion_choice import Chooser, ObsoleteBackups, OneBackup
from cloudhoard.domain.retention import parse_policy
from cloudhoard.errors import UsageError
from cloudhoard.operations.delete_backups import DeletionSettings, delete_backups

_LARGEST_BATCH: Final = 1000


def build_parser() -> CommandParser:
    """Return the command line, as cloudhoard-backup-delete(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-backup-delete",
        description="Delete backups, and the WAL that no other backup needs.",
    )
    add_archive_arguments(parser, "source_url")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "-b", "--backup-id", metavar="BACKUP", help="delete this one, by id or name"
    )
    which.add_argument(
        "-r",
        "--retention-policy",
        metavar="POLICY",
        type=parse_policy,
        help="delete what this does not ask for: 'REDUNDANCY 3', or"
        " 'RECOVERY WINDOW OF 4 WEEKS'",
    )
    _add_settings(parser)
    add_format_option(parser)
    add_trust_option(parser)
    add_common_options(parser)
    return parser


def _add_settings(parser: CommandParser) -> None:
    parser.add_argument(
        "-m",
        "--minimum-redundancy",
        type=non_negative_int,
        default=0,
        metavar="N",
        help="complete backups that have to stay in any case",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only print what would be deleted"
    )
    parser.add_argument(
        "--batch-size",
        type=non_negative_int,
        default=_LARGEST_BATCH,
        metavar="N",
        help="objects in one request (default, and at most: 1000)",
    )
    parser.add_argument(
        "--check-object-lock", action="store_true", help="not in this version"
    )


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    if args.check_object_lock:
        raise UsageError(
            "--check-object-lock is not in this version",
            hint="leave it out: where objects are locked a deletion only hides them,"
            " and the store keeps them for as long as it was told",
        )
    settings = DeletionSettings(
        trust=trust_of(args),
        is_dry_run=args.dry_run,
        batch_size=max(1, min(args.batch_size, _LARGEST_BATCH)),
    )
    with opened_catalog(args, always=True) as storage:
        if args.test:
            storage.check_access()
            return
        report = delete_backups(storage, _chooser(args), settings)
    if args.format == "json":
        print_json(deletion_json(report))
    elif report.is_dry_run:
        print_text(deletion_text(report))


def _chooser(args: argparse.Namespace) -> Chooser:
    if args.backup_id is not None:
        return OneBackup(args.backup_id, args.minimum_redundancy)
    return ObsoleteBackups(args.retention_policy, args.minimum_redundancy)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console script; return its exit code."""
    return run_command(build_parser(), run, argv)
