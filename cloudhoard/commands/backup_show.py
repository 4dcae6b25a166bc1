"""cloudhoard-backup-show: everything that is known about one backup."""

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
from cloudhoard.cli.backup_json import backup_json
from cloudhoard.cli.backup_text import backup_description
from cloudhoard.cli.output import print_json, print_text
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.time_limits import USUAL_DEADLINE
from cloudhoard.cli.wiring import read_archive
from cloudhoard.domain.backup import Backup, BackupState
from cloudhoard.errors import DamagedError
from cloudhoard.operations.read_catalog import find_backup

_DEFAULT_SERVER: Final = "cloud"
"""What barman-cloud calls the server of every backup."""


def build_parser() -> CommandParser:
    """Return the command line, as cloudhoard-backup-show(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-backup-show",
        description="Describe one backup.",
    )
    add_archive_arguments(parser, "source_url")
    parser.add_argument(
        "backup", metavar="BACKUP", help="its id, its name, latest or oldest"
    )
    add_format_option(parser)
    add_trust_option(parser)
    add_common_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    backup = read_archive(
        args, lambda storage, trust: find_backup(storage, args.backup, trust=trust)
    )
    if backup is None:
        return
    if backup.state is BackupState.UNREADABLE:
        raise DamagedError(f"backup {backup.backup_id}: {backup.problem}")
    if args.format == "json":
        print_json({_server_name(backup): backup_json(backup)})
    else:
        print_text(backup_description(backup))


def _server_name(backup: Backup) -> str:
    name = backup.info.server_name if backup.info is not None else None
    return name or _DEFAULT_SERVER


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console script; return its exit code."""
    return run_command(build_parser(), run, argv, usual_deadline=USUAL_DEADLINE)
