"""cloudhoard-restore: put a base backup back and prepare its recovery."""

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_decoding_options,
    add_format_option,
)
from cloudhoard.cli.progress import Progress
from cloudhoard.cli.recovery_arguments import (
    add_recovery_options,
    archive_mode_of,
    check_recovery_options,
    recovery_of,
)
from cloudhoard.cli.restore_arguments import add_place_options, add_refused_options
from cloudhoard.cli.restore_command import wal_restore_argv, warn_of_keys
from cloudhoard.cli.restore_report import print_restored, print_restored_json
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.time_limits import be_patient
from cloudhoard.cli.wiring import decoding_of, opened_archive
from cloudhoard.codec.decoding import Decoding
from cloudhoard.domain.recovery_settings import (
    RecoverySettings,
    check_settings,
    render_restore_command,
)
from cloudhoard.domain.recovery_target import RecoveryTarget
from cloudhoard.errors import UsageError
from cloudhoard.operations.choose_backup import choose_backup
from cloudhoard.operations.open_backup import open_backup
from cloudhoard.operations.restorable import RestorableBackup
from cloudhoard.operations.restore_backup import RestorePlan, restore_backup
from cloudhoard.operations.restore_directories import (
    ChosenDirectories,
    plan_directories,
)
from cloudhoard.operations.restore_owner import choose_owner
from cloudhoard.operations.restored_settings import RestoredSettings
from cloudhoard.storage.protocol import Storage

_log = logging.getLogger(__name__)


def build_parser() -> CommandParser:
    """The command line, as cloudhoard-restore(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-restore",
        description="Restore a base backup into a directory and prepare its recovery.",
    )
    add_archive_arguments(parser, "source_url")
    be_patient(parser)
    parser.add_argument(
        "backup",
        metavar="BACKUP",
        help="id or name of a backup, latest, oldest, or auto: the newest before the"
        " target",
    )
    parser.add_argument(
        "recovery_dir",
        metavar="RECOVERY_DIR",
        type=Path,
        help="the data directory to be; absent or empty",
    )
    add_place_options(parser)
    add_recovery_options(parser)
    add_refused_options(parser)
    add_decoding_options(parser)
    add_format_option(parser)
    add_common_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    check_recovery_options(args)
    with opened_archive(args) as storage:
        if args.test:
            storage.check_access()
            return
        decoding = decoding_of(args)
        backup_id = _choose(storage, decoding, args)
        backup = open_backup(storage, backup_id, decoding, skip_links=args.skip_links)
        plan = _plan(backup, args)
        with (
            _private_umask(),
            Progress(backup.progress_total, quiet=args.quiet > 0) as progress,
        ):
            restore_backup(backup, plan, on_progress=progress.advance)
        report = print_restored_json if args.format == "json" else print_restored
        report(backup, plan)


@contextmanager
def _private_umask() -> Iterator[None]:
    """A umask that takes away no permission that the owner is to have."""
    old = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(old)


def _choose(storage: Storage, decoding: Decoding, args: argparse.Namespace) -> str:
    target: RecoveryTarget = args.target
    return choose_backup(storage, args.backup, decoding, target, args.target_tli)


def _plan(backup: RestorableBackup, args: argparse.Namespace) -> RestorePlan:
    tablespaces = dict(args.tablespace)
    if len(tablespaces) < len(args.tablespace):
        raise UsageError("--tablespace names one tablespace twice")
    chosen = ChosenDirectories(
        data=args.recovery_dir,
        tablespaces=tablespaces,
        tablespace_base=args.tablespace_base_dir,
        wal=args.waldir,
        config=_config_directory(backup, args),
    )
    settings = RestoredSettings(
        recovery=_recovery(backup, args), archive_mode=archive_mode_of(args)
    )
    check_settings(settings.settings())
    owner = choose_owner(args.owner, args.recovery_dir)
    if settings.recovery is not None:
        warn_of_keys(args, None if owner is None else owner.user_id)
    return RestorePlan(
        directories=plan_directories(
            chosen,
            backup.info,
            is_signed=backup.is_signed,
            user_id=None if owner is None else owner.user_id,
        ),
        settings=settings,
        restored_at=datetime.now(UTC).replace(microsecond=0),
        owner=owner,
        overwrite=args.overwrite,
        jobs=args.jobs,
    )


def _config_directory(
    backup: RestorableBackup, args: argparse.Namespace
) -> Path | None:
    outside = backup.has_outside_config
    if outside and args.config_dir is None:
        _log.warning(
            "the configuration was outside the data directory and is not restored;"
            " --config-dir restores it (%s)",
            backup.info.config_file,
        )
    if args.config_dir is not None and not outside:
        _log.warning("the backup has no configuration outside the data directory")
        return None
    directory: Path | None = args.config_dir
    return directory


def _recovery(
    backup: RestorableBackup, args: argparse.Namespace
) -> RecoverySettings | None:
    command = render_restore_command(wal_restore_argv(args))
    return recovery_of(args, restore_command=command, major=backup.info.major)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command(build_parser(), run, argv)
