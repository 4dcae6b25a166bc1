"""The options of cloudhoard-restore, and what their values may be."""

import argparse
import os
from pathlib import Path
from typing import Final

from cloudhoard.cli.arguments import CommandParser, positive_int
from cloudhoard.cli.refused_options import add_snapshot_options
from cloudhoard.errors import UsageError

_MOST_JOBS: Final = 4
_SNAPSHOT_OPTIONS: Final = (
    "--snapshot-recovery-instance",
    "--snapshot-recovery-zone",
    "--gcp-zone",
    "--azure-resource-group",
)


def add_place_options(parser: CommandParser) -> None:
    """Add where the restored files go, whose they are, and how fast it goes."""
    group = parser.add_argument_group("where files go")
    _add_directory_options(group)
    group.add_argument(
        "--owner",
        metavar="USER[:GROUP]",
        help="as root: whom the files are given to (default: as RECOVERY_DIR, or the"
        " directory above it)",
    )
    group.add_argument(
        "--skip-links",
        action="store_true",
        help="restore a backup of barman-cloud's without the links and named pipes that"
        " it holds, naming each",
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


def _add_directory_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--tablespace",
        type=_tablespace,
        metavar="NAME:LOCATION",
        action="append",
        default=[],
        help="put a tablespace there, not where it was (may be repeated)",
    )
    group.add_argument(
        "--tablespace-base-dir",
        type=Path,
        metavar="DIR",
        help="put the other tablespaces to DIR/OID, not where they were",
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


def add_refused_options(parser: CommandParser) -> None:
    """Add what barman-cloud-restore has for disk snapshots, to be refused."""
    hint = "restore them with barman-cloud-restore"
    add_snapshot_options(parser, _SNAPSHOT_OPTIONS, hint=hint)


def _tablespace(text: str) -> tuple[str, Path]:
    name, colon, location = text.partition(":")
    if not name or not colon or not location.startswith("/"):
        raise UsageError(
            f"--tablespace {text!r} is not NAME:LOCATION",
            hint="the location is an absolute path",
        )
    return name, Path(location)
