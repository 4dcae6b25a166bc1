"""The options that say how a restored cluster recovers, and what goes together."""

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import Final

from cloudhoard.domain.recovery_settings import (
    RecoverySettings,
    Standby,
    parse_slot_name,
)
from cloudhoard.domain.recovery_target import (
    Immediate,
    RecoveryTarget,
    TargetAction,
    TargetTime,
    ToTheEnd,
    has_choice_of_side,
    parse_target_lsn,
    parse_target_name,
    parse_target_time,
    parse_target_timeline,
    parse_target_xid,
)
from cloudhoard.errors import UsageError
from cloudhoard.operations.restored_settings import ArchiveMode

_TO_THE_END: Final = ToTheEnd()


def add_recovery_options(parser: argparse.ArgumentParser) -> None:
    """Add how the restored cluster is to recover; check and recovery_of read it."""
    group = parser.add_argument_group("recovery")
    _add_targets(group)
    group.add_argument(
        "--target-exclusive",
        action="store_true",
        help="stop before the time, position or transaction, not behind it",
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
        help="what the server does at the target: pause (the default), promote or"
        " shutdown",
    )
    group.add_argument(
        "--recovery-end-command",
        metavar="COMMAND",
        help="what the server runs once, when recovery ends",
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
        help="guard (the default, but with --standby): the restored cluster must not"
        " write to this archive; take-over: it may; off: it does not archive at all",
    )
    _add_standby_options(parser)


def _add_targets(parser: argparse._ActionsContainer) -> None:
    group = parser.add_mutually_exclusive_group()

    def add(
        name: str, parse: Callable[[str], RecoveryTarget], metavar: str, text: str
    ) -> None:
        group.add_argument(
            name,
            type=parse,
            metavar=metavar,
            dest="target",
            default=_TO_THE_END,
            help=text,
        )

    add(
        "--target-time",
        _target_time,
        "TIME",
        "recover to this moment, as '2026-11-21 09:30:00+00:00' (default: to the end"
        " of the WAL)",
    )
    add("--target-lsn", parse_target_lsn, "LSN", "recover to this position in the WAL")
    add("--target-xid", parse_target_xid, "XID", "recover to the end of a transaction")
    add("--target-name", parse_target_name, "NAME", "recover to a restore point")
    group.add_argument(
        "--target-immediate",
        action="store_const",
        const=Immediate(),
        dest="target",
        default=_TO_THE_END,
        help="recover no further than to the end of the backup",
    )


def _add_standby_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("standby")
    group.add_argument(
        "--standby",
        action="store_true",
        help="make a standby, which goes on following the archive and the primary",
    )
    group.add_argument(
        "--primary-conninfo",
        metavar="CONNINFO",
        help="how the standby reaches the primary; no password here",
    )
    group.add_argument(
        "--primary-slot-name",
        type=parse_slot_name,
        metavar="NAME",
        help="replication slot of the standby, which is there at the primary",
    )


def _target_time(text: str) -> TargetTime:
    return parse_target_time(text, localized=datetime.astimezone)


def check_recovery_options(args: argparse.Namespace) -> None:
    """Refuse what does not go together, or would have no effect.

    Raises:
        UsageError: with the option's name.
    """
    if args.recovery_end_command is not None and not args.recovery_end_command.strip():
        raise UsageError("--recovery-end-command is empty")
    if args.no_recovery_config:
        _refuse_settings(args)
    if args.standby:
        _check_standby(args)
        return
    for name in ("primary_conninfo", "primary_slot_name"):
        if getattr(args, name) is not None:
            raise UsageError(f"{_option(name)} is for a standby: add --standby")
    _check_target(args)


def _refuse_settings(args: argparse.Namespace) -> None:
    for name in (
        "standby",
        "target_exclusive",
        "target_action",
        "recovery_end_command",
    ):
        if getattr(args, name):
            raise UsageError(
                f"{_option(name)} is a setting, and --no-recovery-config writes none"
            )


def _check_standby(args: argparse.Namespace) -> None:
    if args.target != _TO_THE_END or args.target_exclusive or args.target_action:
        raise UsageError(
            "a standby follows the primary and has no target to stop at",
            hint="--standby goes with --target-tli, and no other --target-... option",
        )
    if args.archive_mode is ArchiveMode.GUARD:
        raise UsageError(
            "a standby is not kept from this archive: it writes there once it is"
            " promoted, in the primary's place",
            hint="leave --archive-mode out, or give off",
        )
    if args.primary_slot_name is not None and args.primary_conninfo is None:
        raise UsageError("--primary-slot-name needs --primary-conninfo")
    if args.primary_conninfo is not None:
        # Only here: it loads libpq.
        from cloudhoard.postgres.conninfo import check_conninfo  # noqa: PLC0415

        check_conninfo(args.primary_conninfo, "--primary-conninfo")


def _check_target(args: argparse.Namespace) -> None:
    if args.target_exclusive and not has_choice_of_side(args.target):
        raise UsageError(
            "--target-exclusive has a meaning only for a time, a position or a"
            " transaction",
            hint="give it with --target-time, --target-lsn or --target-xid",
        )
    is_at_end = args.target == _TO_THE_END
    if is_at_end and args.target_action not in (None, TargetAction.PROMOTE):
        raise UsageError(
            f"--target-action {args.target_action} has no effect without a target: at"
            " the end of the WAL PostgreSQL promotes",
            hint="give a target; or --standby, which is not promoted",
        )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def recovery_of(
    args: argparse.Namespace, *, restore_command: str, major: int
) -> RecoverySettings | None:
    """What args say of recovery, None where it is left to the operator.

    major is the version of the server that is restored, 0 if it is not known.
    """
    if args.no_recovery_config:
        return None
    return RecoverySettings(
        restore_command=restore_command,
        target=args.target,
        inclusive=not args.target_exclusive,
        timeline=args.target_tli,
        action=args.target_action or TargetAction.PAUSE,
        end_command=args.recovery_end_command or "",
        standby=_standby(args) if args.standby else None,
        major=major,
    )


def _standby(args: argparse.Namespace) -> Standby:
    return Standby(
        primary_conninfo=args.primary_conninfo or "",
        primary_slot_name=args.primary_slot_name or "",
    )


def archive_mode_of(args: argparse.Namespace) -> ArchiveMode:
    """What the restored cluster does to the archive.

    A standby that is promoted is the cluster itself, no copy of it.
    """
    if args.archive_mode is not None:
        mode: ArchiveMode = args.archive_mode
        return mode
    return ArchiveMode.TAKE_OVER if args.standby else ArchiveMode.GUARD
