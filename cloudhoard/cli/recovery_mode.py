"""Whether PostgreSQL would take a failure of wal-restore for the end of WAL.

PostgreSQL takes the exit codes 1 to 125 of a restore_command for "the archive has no
such file" and, unless it is a standby, ends recovery there; above 125 it stops with
an error (src/backend/access/transam/xlogarchive.c, RestoreArchivedFile). This module
decides from the bare command line, and imports little, as it must work where nothing
else does.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

RECOVERY_NAMES: Final = ("RECOVERYXLOG", "RECOVERYHISTORY")
"""The names that PostgreSQL gives the file it asks for; nobody else does."""

_ON_ERROR: Final = "--on-error"
_STANDBY_SIGNAL: Final = "standby.signal"


def is_strict(argv: Sequence[str] | None) -> bool:
    """Whether a failure must stop PostgreSQL; argv as for a command's main."""
    arguments = sys.argv[1:] if argv is None else argv
    chosen = _on_error(arguments)
    if chosen in ("strict", "retry"):
        return chosen == "strict"
    destinations = [text for text in arguments if is_asked_by_recovery(text)]
    if destinations:
        return is_archive_recovery(destinations[-1])
    # The destination may have been forgotten; recovery runs it in the data directory.
    return Path("recovery.signal").exists() and not Path(_STANDBY_SIGNAL).exists()


def leaves_nothing(argv: Sequence[str] | None) -> bool:
    """Whether PostgreSQL finds no file after a success.

    As after ``--help`` or ``--test``; it would then end recovery.
    """
    arguments = sys.argv[1:] if argv is None else argv
    destinations = [text for text in arguments if is_asked_by_recovery(text)]
    # os.path.exists, unlike Path.exists, takes every error for "no".
    return bool(destinations) and not os.path.exists(destinations[-1])  # noqa: PTH110


def is_asked_by_recovery(destination: str | os.PathLike[str]) -> bool:
    """Whether destination is one that only PostgreSQL in recovery gives."""
    return os.path.basename(destination) in RECOVERY_NAMES  # noqa: PTH119 - any text


def data_directory_of(destination: str | os.PathLike[str]) -> Path:
    """The data directory above the destination, as the path is written.

    pg_wal may be a symbolic link to elsewhere.
    """
    return Path(destination).absolute().parent.parent


def is_archive_recovery(destination: str | os.PathLike[str]) -> bool:
    """Whether PostgreSQL asks, and would end recovery if it got no file.

    Where that cannot be told it is taken for granted: a server that stops loses
    nothing, one that ends recovery does.
    """
    if not is_asked_by_recovery(destination):
        return False
    try:
        return not (data_directory_of(destination) / _STANDBY_SIGNAL).exists()
    except OSError:  # the working directory is gone, or the disk fails
        return True


def _on_error(arguments: Sequence[str]) -> str | None:
    """The value of --on-error, found without a parser; None when it is not given."""
    chosen = None
    for index, text in enumerate(arguments):
        if text.startswith(_ON_ERROR + "="):
            chosen = text.partition("=")[2]
        elif text == _ON_ERROR and index + 1 < len(arguments):
            chosen = arguments[index + 1]
    return chosen
