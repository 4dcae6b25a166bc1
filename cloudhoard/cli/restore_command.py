"""How a restored server calls wal-restore: with the keys that restore was given."""

import argparse
import logging
import shutil
import stat
import sys
from pathlib import Path
from typing import Final

from cloudhoard.cli.s3_wiring import s3_reading_words

_PROGRAM: Final = "cloudhoard-wal-restore"
_ENCRYPTED_PEM: Final = b"ENCRYPTED"
_LARGEST_KEY_FILE: Final = 64 << 10

_log = logging.getLogger(__name__)


def wal_restore_argv(args: argparse.Namespace) -> list[str]:
    """The program and its arguments, all but the two names PostgreSQL adds.

    Paths are absolute: PostgreSQL runs it in the data directory, with its own PATH.
    It gets the values that were found here, wherever they came from, and looks for no
    other: with another file, or another environment, it could look into another store,
    where nothing is, and recovery would end.
    """
    argv = [_program(), "--no-config"]
    for path in args.private_key:
        argv += ["--private-key", str(path.absolute())]
    if args.private_key_passphrase_file is not None:
        file = args.private_key_passphrase_file.absolute()
        argv += ["--private-key-passphrase-file", str(file)]
    for path in args.trusted_signer:
        argv += ["--trusted-signer", str(path.absolute())]
    if args.accept_plain:
        argv.append("--accept-plain")
    if args.url.lower().startswith("s3:"):
        argv += s3_reading_words(args)
    return [*argv, args.url, args.server_name]


def warn_of_keys(args: argparse.Namespace, user_id: int | None) -> None:
    """Warn where the server could not use the keys that we can.

    user_id is the server's user; None: our own.
    """
    files: list[Path] = [*args.private_key, *args.trusted_signer]
    if args.private_key_passphrase_file is not None:
        files.append(args.private_key_passphrase_file)
    for path in files:
        if user_id is not None and not _can_read(path, user_id):
            _log.warning(
                "%s cannot be read by the restored server's user, whose recovery"
                " will stop; let that user read it before you start the server",
                path,
            )
    if args.private_key_passphrase_file is not None:
        return
    for path in args.private_key:
        if _has_passphrase(path):
            _log.warning(
                "%s has a passphrase, for which the restored server cannot ask; give"
                " --private-key-passphrase-file, or recovery will stop",
                path,
            )


def _program() -> str:
    """wal-restore's own path: beside the running command, or found on the PATH."""
    beside = Path(sys.argv[0]).absolute().with_name(_PROGRAM)
    if beside.is_file():
        return str(beside)
    return shutil.which(_PROGRAM) or _PROGRAM


def _can_read(path: Path, user_id: int) -> bool:
    """Whether a user may read a file, as far as its owner and its mode say.

    A group's members are not looked up: what the group may read is not warned of.
    """
    status = path.stat()
    if user_id in (0, status.st_uid):
        return user_id == 0 or bool(status.st_mode & stat.S_IRUSR)
    return bool(status.st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _has_passphrase(path: Path) -> bool:
    with path.open("rb") as file:
        return _ENCRYPTED_PEM in file.read(_LARGEST_KEY_FILE)
