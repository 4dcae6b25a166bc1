"""cloudhoard-create-keys: make the keys for encryption and signing."""

import argparse
import getpass
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudhoard.cli.arguments import (
    CommandParser,
    add_common_options,
    add_format_option,
    positive_int,
)
from cloudhoard.cli.output import print_json, print_text
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.wiring import read_passphrase
from cloudhoard.errors import UsageError

if TYPE_CHECKING:
    from cloudhoard.codec.key_generation import CreatedKeys

_TEXT: Final = """\
Made two pairs of keys with the id {id}:
  {private}  opens what is encrypted: keep it, and a copy, off the database host
  {public}  encrypts: for the database host
  {signing}  signs: for the database host, and nowhere else
  {signer}  checks signatures: for whoever restores

On the database host, in postgresql.conf:
  archive_command = {archive_command}
and from cron:
  cloudhoard-backup {writing} URL SERVER_NAME

To restore:
  cloudhoard-restore {reading} URL SERVER_NAME auto DIRECTORY

Fingerprint of the encryption key: {fingerprint}
Fingerprint of the signing key:    {signer_fingerprint}"""


def build_parser() -> CommandParser:
    """Return the command line, as cloudhoard-create-keys(1) documents it."""
    parser = CommandParser(
        prog="cloudhoard-create-keys",
        description="Make the keys for encryption and signing.",
    )
    parser.add_argument(
        "--key-id",
        required=True,
        metavar="ID",
        help="name of the keys: letters, digits and ._-",
    )
    parser.add_argument(
        "--output-dir",
        required=True,
        type=Path,
        metavar="DIR",
        help="where to put the four files",
    )
    parser.add_argument(
        "--bits",
        type=positive_int,
        default=4096,
        help="size of the RSA key, 3072 or more (default: 4096)",
    )
    passphrase = parser.add_mutually_exclusive_group()
    passphrase.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="put the private key under the passphrase in FILE's first line",
    )
    passphrase.add_argument(
        "--ask-passphrase",
        action="store_true",
        help="ask for a passphrase and put the private key under it",
    )
    add_format_option(parser)
    add_common_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Do what args ask; returns normally or raises."""
    # Imported here: --help has to come at once.
    from cloudhoard.operations.create_key_pair import create_key_pair  # noqa: PLC0415

    passphrase: bytes | None = None
    if args.passphrase_file is not None:
        passphrase = read_passphrase(args.passphrase_file)
    elif args.ask_passphrase:
        passphrase = _asked_passphrase()
    created = create_key_pair(
        args.key_id, args.output_dir, bits=args.bits, passphrase=passphrase
    )
    if args.format == "json":
        print_json(_document(created))
    else:
        print_text(_description(created))


def _asked_passphrase() -> bytes:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for a passphrase",
            hint="give --passphrase-file",
        )
    passphrase = getpass.getpass("Passphrase of the private key: ")
    if not passphrase:
        raise UsageError("an empty passphrase protects nothing")
    if passphrase != getpass.getpass("The same again: "):
        raise UsageError("the two passphrases are not the same")
    return passphrase.encode()


def _document(created: "CreatedKeys") -> dict[str, object]:
    return {
        "key_id": created.key_id,
        "public_key": str(created.public_key),
        "private_key": str(created.private_key),
        "signing_key": str(created.signing_key),
        "trusted_signer": str(created.signer),
        "fingerprint": created.fingerprint,
        "signer_fingerprint": created.signer_fingerprint,
    }


def _description(created: "CreatedKeys") -> str:
    private, public, signing, signer = (
        shlex.quote(str(path.absolute()))
        for path in (
            created.private_key,
            created.public_key,
            created.signing_key,
            created.signer,
        )
    )
    writing = f"--public-key {public} --signing-key {signing}"
    return _TEXT.format(
        id=created.key_id,
        private=created.private_key,
        public=created.public_key,
        signing=created.signing_key,
        signer=created.signer,
        archive_command=_archive_command(writing),
        writing=writing,
        reading=f"--private-key {private} --trusted-signer {signer}",
        fingerprint=created.fingerprint,
        signer_fingerprint=created.signer_fingerprint,
    )


def _archive_command(writing: str) -> str:
    """Return the value as postgresql.conf has it: % and quotes are doubled there."""
    options = writing.replace("%", "%%")
    command = f"cloudhoard-wal-archive {options} URL SERVER_NAME %p"
    return "'" + command.replace("'", "''") + "'"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the console script; return its exit code."""
    return run_command(build_parser(), run, argv)
