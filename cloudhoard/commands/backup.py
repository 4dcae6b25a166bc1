"""cloudhoard-backup: take a base backup of the cluster on this machine."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_encoding_options,
    add_format_option,
    non_negative_int,
    positive_int,
    size,
)
from cloudhoard.cli.backup_json import backup_json
from cloudhoard.cli.other_stores import add_other_stores_writing_options
from cloudhoard.cli.output import print_json
from cloudhoard.cli.progress import Progress
from cloudhoard.cli.refused_options import add_snapshot_options, refuse_barman_hook
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.s3_arguments import add_s3_writing_options
from cloudhoard.cli.time_limits import be_patient
from cloudhoard.cli.wiring import encoding_of, opened_archive
from cloudhoard.domain.backup_name import check_backup_name
from cloudhoard.operations.read_catalog import find_backup
from cloudhoard.operations.take_backup import BackupSettings, take_backup
from cloudhoard.operations.write_volumes import VolumeSettings
from cloudhoard.postgres.connection import ConnectionSettings

_VOLUME_SIZE: Final = 1 << 30
_JOBS: Final = 2
_KEEPALIVE_SECONDS: Final = 60
_WAL_TIMEOUT_SECONDS: Final = 3600

_SNAPSHOT_OPTIONS: Final = (
    "--snapshot-instance",
    "--snapshot-disk",
    "--snapshot-zone",
    "--snapshot-gcp-project",
    "--gcp-project",
    "--gcp-zone",
    "--aws-await-snapshots-timeout",
    "--aws-snapshot-lock-mode",
    "--aws-snapshot-lock-cool-off-period",
    "--aws-snapshot-lock-expiration-date",
    "--aws-snapshot-lock-duration",
    "--azure-subscription-id",
    "--azure-resource-group",
)
"""Of barman-cloud-backup."""
_INSTEAD: Final = "leave the option out to copy the files into the archive"


def build_parser() -> CommandParser:
    """The command line, as cloudhoard-backup(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-backup",
        description="Take a base backup of the PostgreSQL cluster on this machine.",
        short_help=False,
    )
    add_archive_arguments(parser, "destination_url")
    be_patient(parser)
    _add_connection_options(parser)
    _add_backup_options(parser)
    _add_volume_options(parser)
    add_snapshot_options(parser, _SNAPSHOT_OPTIONS, hint=_INSTEAD)
    add_encoding_options(parser)
    add_format_option(parser)
    add_s3_writing_options(parser)
    add_other_stores_writing_options(parser)
    add_common_options(parser)
    return parser


def _add_connection_options(parser: CommandParser) -> None:
    group = parser.add_argument_group("connection, as libpq's")
    group.add_argument("-h", "--host", help="host, or directory of the socket")
    group.add_argument("-p", "--port", help="port")
    group.add_argument("-U", "--user", help="role to connect as")
    group.add_argument(
        "-d",
        "--dbname",
        default="postgres",
        help="database, or a connection string, which then stands alone"
        " (default: postgres)",
    )


def _add_backup_options(parser: CommandParser) -> None:
    parser.add_argument("-n", "--name", help="a name for the backup, beside its id")
    parser.add_argument(
        "--immediate-checkpoint",
        action="store_true",
        help="begin with a checkpoint as fast as it can be, not spread out",
    )
    parser.add_argument(
        "--wal-timeout",
        type=non_negative_int,
        metavar="SECONDS",
        default=_WAL_TIMEOUT_SECONDS,
        help="how long to wait for the backup's WAL to arrive (default: %(default)s)",
    )
    parser.add_argument(
        "--spool-dir",
        type=Path,
        metavar="DIR",
        help="that of wal-archive, if it has one (default: pg_wal/cloudhoard)",
    )
    parser.add_argument(
        "--keepalive-interval",
        type=non_negative_int,
        metavar="SECONDS",
        default=_KEEPALIVE_SECONDS,
        help="time between two signs of life on the connection, 0 for none"
        " (default: %(default)s)",
    )


def _add_volume_options(parser: CommandParser) -> None:
    group = parser.add_argument_group("volumes")
    group.add_argument(
        "-J",
        "--jobs",
        type=positive_int,
        metavar="N",
        default=_JOBS,
        help="volumes to write at a time (default: %(default)s)",
    )
    group.add_argument(
        "--volume-size",
        type=size,
        metavar="SIZE",
        default=_VOLUME_SIZE,
        help="size of a volume before compression (default: 1GB)",
    )
    group.add_argument(
        "-S",
        "--max-archive-size",
        type=size,
        metavar="SIZE",
        help="an upper limit for --volume-size",
    )
    group.add_argument(
        "--min-chunk-size",
        type=size,
        metavar="SIZE",
        help="accepted for barman-cloud's sake; parts are sized by the store",
    )
    group.add_argument(
        "--max-bandwidth",
        type=size,
        metavar="SIZE",
        help="most bytes to store in a second, all volumes together",
    )


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    refuse_barman_hook("run it on the database server")
    name = None if args.name is None else check_backup_name(args.name)
    with opened_archive(args) as storage:
        if args.test:
            storage.check_access()
            return
        settings = BackupSettings(
            encoding=encoding_of(args),
            volumes=_volume_settings(args),
            name=name,
            immediate_checkpoint=args.immediate_checkpoint,
            wal_timeout=args.wal_timeout,
            keepalive=args.keepalive_interval or None,
            spool_directory=args.spool_dir,
        )
        connection = _connection_settings(args)
        with Progress(None, quiet=args.quiet > 0) as progress:
            backup_id = take_backup(
                storage, connection, settings, on_progress=progress.advance
            )
        if args.format == "json":
            print_json(backup_json(find_backup(storage, backup_id, trust=None)))


def _volume_settings(args: argparse.Namespace) -> VolumeSettings:
    limit = args.max_archive_size
    size = args.volume_size if limit is None else min(args.volume_size, limit)
    return VolumeSettings(
        jobs=args.jobs, volume_size=size, max_bandwidth=args.max_bandwidth
    )


def _connection_settings(args: argparse.Namespace) -> ConnectionSettings:
    return ConnectionSettings(
        host=args.host, port=args.port, user=args.user, database=args.dbname
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command(build_parser(), run, argv)
