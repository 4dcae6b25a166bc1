"""cloudhoard-restore: put a base backup back and prepare its recovery."""

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_decoding_options,
    positive_int,
)
from cloudhoard.cli.output import binary_size, print_text
from cloudhoard.cli.progress import Progress
from cloudhoard.cli.restore_command import wal_restore_argv, warn_of_keys
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.wiring import decoding_of, opened_archive
from cloudhoard.codec.decoding import Decoding
from cloudhoard.domain.recovery_settings import (
    RecoverySettings,
    render_restore_command,
)
from cloudhoard.domain.recovery_target import (
    RecoveryTarget,
    TargetAction,
    TargetTime,
    ToTheEnd,
    parse_target_time,
    parse_target_timeline,
)
from cloudhoard.errors import UsageError
from cloudhoard.operations.choose_backup import choose_backup
from cloudhoard.operations.read_stored_backup import StoredBackup, read_stored_backup
from cloudhoard.operations.restore_backup import RestorePlan, restore_backup
from cloudhoard.operations.restore_directories import (
    ChosenDirectories,
    plan_directories,
)
from cloudhoard.operations.restore_owner import choose_owner
from cloudhoard.operations.restore_volumes import VolumeReader
from cloudhoard.operations.restored_settings import ArchiveMode, RestoredSettings
from cloudhoard.storage.protocol import Storage

_MOST_JOBS: Final = 4
_SNAPSHOT_OPTIONS: Final = (
    "--snapshot-recovery-instance",
    "--snapshot-recovery-zone",
    "--gcp-zone",
    "--azure-resource-group",
)

_log = logging.getLogger(__name__)


def build_parser() -> CommandParser:
    """The command line, as cloudhoard-restore(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-restore",
        description="Restore a base backup into a directory and prepare its recovery.",
    )
    add_archive_arguments(parser, "source_url")
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
    _add_place_options(parser)
    _add_recovery_options(parser)
    _add_snapshot_options(parser)
    add_decoding_options(parser)
    add_common_options(parser)
    return parser


def _add_place_options(parser: CommandParser) -> None:
    group = parser.add_argument_group("where files go")
    group.add_argument(
        "--tablespace",
        type=_tablespace,
        metavar="NAME:LOCATION",
        action="append",
        default=[],
        help="put a tablespace there, not where it was (may be repeated)",
    )
    group.add_argument(
        "--waldir", type=Path, metavar="DIR", help="make pg_wal a link to DIR"
    )
    group.add_argument(
        "--config-dir",
        type=Path,
        metavar="DIR",
        help="restore configuration files that lay outside the data directory to DIR",
    )
    group.add_argument(
        "--owner",
        metavar="USER[:GROUP]",
        help="as root: whom the files are given to (default: as RECOVERY_DIR, or the"
        " directory above it)",
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        help="empty a data directory that is there, whose server is down",
    )
    group.add_argument(
        "-J",
        "--jobs",
        type=positive_int,
        metavar="N",
        default=min(_MOST_JOBS, len(os.sched_getaffinity(0))),
        help="volumes to restore at a time (default: one a processor, at most"
        f" {_MOST_JOBS})",
    )


def _add_recovery_options(parser: CommandParser) -> None:
    group = parser.add_argument_group("recovery")
    group.add_argument(
        "--target-time",
        type=_target_time,
        metavar="TIME",
        dest="target",
        default=ToTheEnd(),
        help="recover to this moment, as '2026-11-21 09:30:00+00:00' (default: to the"
        " end of the WAL)",
    )
    group.add_argument(
        "--target-tli",
        type=parse_target_timeline,
        metavar="TLI",
        default="latest",
        help="timeline to recover along: a number, current or latest (the default)",
    )
    group.add_argument(
        "--target-action",
        type=TargetAction,
        choices=tuple(TargetAction),
        default=TargetAction.PAUSE,
        help="what the server does at the target: pause (the default), promote or"
        " shutdown",
    )
    group.add_argument(
        "--no-recovery-config",
        action="store_true",
        help="write no settings and no recovery.signal",
    )
    group.add_argument(
        "--archive-mode",
        type=ArchiveMode,
        choices=tuple(ArchiveMode),
        default=ArchiveMode.GUARD,
        help="guard (the default): the restored cluster must not write to this"
        " archive; take-over: it may; off: it does not archive at all",
    )


def _add_snapshot_options(parser: CommandParser) -> None:
    for name in _SNAPSHOT_OPTIONS:
        parser.add_argument(
            name,
            action=_NoSnapshots,
            metavar="...",
            help="refused: disk snapshots are barman-cloud's",
        )


class _NoSnapshots(argparse.Action):
    """An option of barman-cloud-restore for what we do not do."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        _namespace: argparse.Namespace,
        _values: object,
        option_string: str | None = None,
    ) -> NoReturn:
        raise UsageError(
            f"{option_string}: backups by disk snapshots are not supported",
            hint="restore them with barman-cloud-restore",
        )


def _tablespace(text: str) -> tuple[str, Path]:
    name, colon, location = text.partition(":")
    if not name or not colon or not location.startswith("/"):
        raise UsageError(
            f"--tablespace {text!r} is not NAME:LOCATION",
            hint="the location is an absolute path",
        )
    return name, Path(location)


def _target_time(text: str) -> TargetTime:
    return parse_target_time(text, localized=datetime.astimezone)


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    with opened_archive(args) as storage:
        if args.test:
            storage.check_access()
            return
        decoding = decoding_of(args)
        backup_id = _choose(storage, decoding, args)
        stored = read_stored_backup(storage, backup_id, decoding)
        plan = _plan(stored, args)
        reader = VolumeReader(storage=storage, stored=stored, decoding=decoding)
        with (
            _private_umask(),
            Progress(stored.ours.plain_size, quiet=args.quiet > 0) as progress,
        ):
            restore_backup(reader, plan, on_progress=progress.advance)
        _report(stored, plan)


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


def _plan(stored: StoredBackup, args: argparse.Namespace) -> RestorePlan:
    tablespaces = dict(args.tablespace)
    if len(tablespaces) < len(args.tablespace):
        raise UsageError("--tablespace names one tablespace twice")
    chosen = ChosenDirectories(
        data=args.recovery_dir,
        tablespaces=tablespaces,
        wal=args.waldir,
        config=_config_directory(stored, args),
    )
    settings = RestoredSettings(
        recovery=None if args.no_recovery_config else _recovery(args),
        archive_mode=args.archive_mode,
    )
    owner = choose_owner(args.owner, args.recovery_dir)
    if settings.recovery is not None:
        warn_of_keys(args, None if owner is None else owner.user_id)
    return RestorePlan(
        directories=plan_directories(chosen, stored.info, is_signed=stored.is_signed),
        settings=settings,
        restored_at=datetime.now(UTC).replace(microsecond=0),
        owner=owner,
        overwrite=args.overwrite,
        jobs=args.jobs,
    )


def _config_directory(stored: StoredBackup, args: argparse.Namespace) -> Path | None:
    outside = stored.volumes.config is not None
    if outside and args.config_dir is None:
        _log.warning(
            "the configuration was outside the data directory and is not restored;"
            " --config-dir restores it (%s)",
            stored.info.config_file,
        )
    if args.config_dir is not None and not outside:
        _log.warning("the backup has no configuration outside the data directory")
        return None
    directory: Path | None = args.config_dir
    return directory


def _recovery(args: argparse.Namespace) -> RecoverySettings:
    return RecoverySettings(
        restore_command=render_restore_command(wal_restore_argv(args)),
        target=args.target,
        timeline=args.target_tli,
        action=args.target_action,
    )


def _report(stored: StoredBackup, plan: RestorePlan) -> None:
    size = binary_size(stored.ours.plain_size)
    print_text(
        f"backup {stored.backup_id} restored to {plan.directories.data}:"
        f" {stored.ours.files} files, {size}"
    )
    recovery = plan.settings.recovery
    if recovery is None:
        return
    where = "the end of the WAL"
    if isinstance(recovery.target, TargetTime):
        where = f"{recovery.target}, then {recovery.action}"
    print_text(f"start PostgreSQL to recover to {where}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    return run_command(build_parser(), run, argv)
