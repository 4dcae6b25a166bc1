"""cloudhoard-wal-restore: fetch one WAL file, for restore_command."""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_decoding_options,
    non_negative_int,
)
from cloudhoard.cli.exit_codes import STRICT, ExitCode, exit_code_for
from cloudhoard.cli.recovery_mode import (
    data_directory_of,
    is_archive_recovery,
    is_asked_by_recovery,
    is_strict,
    leaves_nothing,
)
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.signals import die_by_signal
from cloudhoard.cli.time_limits import USUAL_DEADLINE, be_patient
from cloudhoard.cli.wiring import decoding_of, opened_archive
from cloudhoard.domain.wal_file import WalFile, WalFileKind
from cloudhoard.operations.local_wal import find_data_directory
from cloudhoard.operations.patience import retried
from cloudhoard.operations.restore_wal import WalNotArchived, WalRequest, restore_wal

_HISTORY_TIMEOUT: Final = 60


def build_parser() -> CommandParser:
    """The command line, as cloudhoard-wal-restore(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-wal-restore",
        description="Fetch one WAL file from the archive; for restore_command.",
    )
    add_archive_arguments(parser, "source_url")
    be_patient(parser)
    parser.add_argument(
        "wal_name", metavar="WAL_NAME", help="the file: %%f of restore_command"
    )
    parser.add_argument(
        "wal_dest",
        metavar="WAL_DEST",
        type=Path,
        help="where to put it: %%p of restore_command",
    )
    _add_waiting_options(parser)
    _add_fetching_options(parser)
    add_decoding_options(parser)
    add_common_options(parser)
    return parser


def _add_waiting_options(parser: CommandParser) -> None:
    parser.add_argument(
        "--on-error",
        choices=("strict", "retry"),
        help="what PostgreSQL is to do after a failure: stop, or ask again"
        " (default: stop in archive recovery, ask again on a standby)",
    )
    parser.add_argument(
        "--history-timeout",
        type=non_negative_int,
        default=_HISTORY_TIMEOUT,
        metavar="SECONDS",
        help="how long a standby asks for a timeline history (default: %(default)s)",
    )


def _add_fetching_options(parser: CommandParser) -> None:
    parser.add_argument(
        "--no-partial", action="store_true", help="never serve a partial segment"
    )
    parser.add_argument(
        "--accept-gap",
        action="store_true",
        help="let recovery end where WAL is missing in the middle",
    )
    parser.add_argument(
        "-p",
        "--parallel",
        type=non_negative_int,
        default=0,
        metavar="FILES",
        help="accepted; files are fetched one at a time in this version",
    )
    parser.add_argument(
        "--spool-dir",
        type=Path,
        metavar="DIR",
        help="accepted; nothing is spooled in this version",
    )


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    file = WalFile.parse(args.wal_name)
    destination: Path = args.wal_dest.absolute()

    def attempt() -> None:
        with opened_archive(args) as storage:
            if args.test:
                storage.check_access()
            else:
                restore_wal(storage, _request(args, file), decoding_of(args))

    is_standby = is_asked_by_recovery(destination) and not is_archive_recovery(
        destination
    )
    if is_standby and file.kind is WalFileKind.HISTORY:
        retried(attempt, seconds=args.history_timeout)
    else:
        attempt()


def _request(args: argparse.Namespace, file: WalFile) -> WalRequest:
    destination: Path = args.wal_dest.absolute()
    data_directory = find_data_directory(destination)
    if is_asked_by_recovery(destination):
        data_directory = data_directory_of(destination)
    return WalRequest(
        file=file,
        destination=destination,
        data_directory=data_directory,
        in_archive_recovery=is_archive_recovery(destination),
        accept_partial=not args.no_partial,
        accept_gap=args.accept_gap,
    )


def _exit_codes(argv: Sequence[str] | None) -> Callable[[BaseException], int]:
    """What each error ends in: 1 says "not in the archive" and nothing else."""
    strict = is_strict(argv)

    def exit_code(error: BaseException) -> int:
        if isinstance(error, WalNotArchived):
            return ExitCode.FAILED
        code = exit_code_for(error)
        if code == ExitCode.FAILED:
            code = ExitCode.INTERNAL
        return STRICT + code if strict else code

    return exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; cloudhoard.wal_restore_entry calls it."""
    code = run_command(
        build_parser(),
        run,
        argv,
        exit_code=_exit_codes(argv),
        on_signal=die_by_signal,
        usual_deadline=USUAL_DEADLINE,
    )
    if code == ExitCode.OK and leaves_nothing(argv) and is_strict(argv):
        with suppress(OSError, ValueError):  # stderr may be full, or closed
            print("cloudhoard-wal-restore: error: nothing was fetched", file=sys.stderr)
        return STRICT + ExitCode.USAGE
    return code
