"""cloudhoard-wal-archive: store one WAL file, for archive_command."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_decoding_options,
    add_encoding_options,
)
from cloudhoard.cli.other_stores import add_other_stores_writing_options
from cloudhoard.cli.refused_options import is_barman_hook, refuse_barman_hook
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.s3_arguments import add_s3_writing_options
from cloudhoard.cli.time_limits import USUAL_DEADLINE
from cloudhoard.cli.wiring import decoding_of, encoding_of, opened_archive
from cloudhoard.domain.wal_file import WalFile
from cloudhoard.errors import UsageError
from cloudhoard.operations.archive_wal import ArchivingSettings, archive_wal
from cloudhoard.operations.local_wal import find_data_directory
from cloudhoard.spool.archive_memory import SPOOL_NAME


def build_parser() -> CommandParser:
    """The command line, as cloudhoard-wal-archive(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-wal-archive",
        description="Store one WAL file in the archive; for archive_command.",
    )
    add_archive_arguments(parser, "destination_url")
    parser.add_argument(
        "wal_path",
        metavar="WAL_PATH",
        nargs="?" if is_barman_hook() else None,
        type=Path,
        help="the file: %%p of archive_command",
    )
    add_encoding_options(parser)
    add_s3_writing_options(parser, history=True)
    add_other_stores_writing_options(parser, with_blocks=True)
    add_decoding_options(parser)
    parser.add_argument(
        "--digest-key",
        type=Path,
        metavar="FILE",
        help="key of the digests that encrypted files are compared by",
    )
    parser.add_argument(
        "--spool-dir",
        type=Path,
        metavar="DIR",
        help="where to remember what the archive answered (default: pg_wal/cloudhoard)",
    )
    add_common_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    refuse_barman_hook("call it from archive_command")
    if args.wal_path is None:
        raise UsageError(
            "the path of the WAL file is missing",
            hint="archive_command passes it as %p",
        )
    WalFile.parse(args.wal_path.name)
    with opened_archive(args) as storage:
        if args.test:
            storage.check_access()
            return
        settings = ArchivingSettings(
            encoding=encoding_of(args),
            decoding=decoding_of(args),
            spool_directory=args.spool_dir or _default_spool(args.wal_path),
            digest_key_file=args.digest_key,
        )
        archive_wal(storage, args.wal_path, settings)


def _default_spool(wal_path: Path) -> Path | None:
    """pg_wal/cloudhoard, where the file lies in a pg_wal that belongs to us."""
    pg_wal = wal_path.absolute().parent
    if find_data_directory(wal_path) is None:
        return None
    return pg_wal / SPOOL_NAME if pg_wal.stat().st_uid == os.geteuid() else None


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command(build_parser(), run, argv, usual_deadline=USUAL_DEADLINE)
