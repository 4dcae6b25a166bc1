"""The options that commands share."""

import argparse
from pathlib import Path
from typing import Final, Literal

import cloudhoard
from cloudhoard.cli.command_parser import CommandParser
from cloudhoard.cli.lower_layers import DEFAULT_FILE
from cloudhoard.cli.other_stores import add_other_stores_options
from cloudhoard.cli.s3_arguments import add_s3_options
from cloudhoard.cli.time_limits import add_time_limits
from cloudhoard.cli.value_types import non_negative_int, positive_int, size

__all__ = [
    "CommandParser",
    "add_archive_arguments",
    "add_common_options",
    "add_decoding_options",
    "add_encoding_options",
    "add_format_option",
    "add_trust_option",
    "non_negative_int",
    "positive_int",
    "size",
]

PROVIDERS: Final = (
    "aws-s3",
    "azure-blob-storage",
    "google-cloud-storage",
    "openstack-swift",
    "sftp",
    "local",
)
"""Values of --cloud-provider: barman's three, and ours in the same manner."""

_FLAGS: Final = (
    (("-z", "--gzip"), "gzip"),
    (("-j", "--bzip2"), "bzip2"),
    (("--xz",), "xz"),
    (("--snappy",), "snappy"),
    (("--zstd",), "zstd"),
    (("--lz4",), "lz4"),
)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command has: version, verbosity, form of messages."""
    version = f"%(prog)s {cloudhoard.__version__}"
    parser.add_argument(
        "-V", "--version", action="version", version=version, help="show the version"
    )
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument(
        "-v", "--verbose", action="count", default=0, help="say more; twice: all"
    )
    loudness.add_argument(
        "-q", "--quiet", action="count", default=0, help="say errors only"
    )
    parser.add_argument(
        "--log-format",
        choices=("console", "json"),
        default="console",
        help="form of messages on stderr (default: console)",
    )
    parser.add_argument(
        "--site", metavar="NAME", help="take what is left out from this site"
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"file with the sites and defaults (default: {DEFAULT_FILE})",
    )
    parser.add_argument(
        "--no-config",
        action="store_true",
        help="read neither such a file nor the variables CLOUDHOARD_*",
    )


def add_archive_arguments(
    parser: argparse.ArgumentParser, url: Literal["destination_url", "source_url"]
) -> None:
    """Add the archive's URL (as ``args.url``) and its server (``args.server_name``)."""
    parser.add_argument(
        "url", metavar=url.upper(), help="where the archive is, as file:///srv/backup"
    )
    parser.add_argument(
        "server_name", metavar="SERVER_NAME", help="name of the server in the archive"
    )
    parser.add_argument(
        "--cloud-provider",
        choices=PROVIDERS,
        metavar="PROVIDER",
        help="kind of store; the URL's scheme says it, this is only checked",
    )
    parser.add_argument(
        "-t",
        "--test",
        action="store_true",
        help="only find out whether the archive can be reached",
    )
    add_time_limits(parser)
    add_s3_options(parser)
    add_other_stores_options(parser)


def add_encoding_options(parser: argparse.ArgumentParser) -> None:
    """Add how objects are written; wiring.encoding_of reads it."""
    group = parser.add_argument_group("compression and encryption")
    kind = group.add_mutually_exclusive_group()
    kind.add_argument(
        "--compression",
        metavar="NAME[:LEVEL]",
        help="none, gzip, bzip2, xz, snappy, zstd or lz4 (default: zstd:3)",
    )
    for names, name in _FLAGS:
        kind.add_argument(
            *names,
            dest="compression",
            action="store_const",
            const=name,
            help=f"the same as --compression {name}",
        )
    group.add_argument(
        "--compression-level",
        metavar="LEVEL",
        help="low, medium, high or the algorithm's own number",
    )
    _add_files(group, "--public-key", "encrypt for the holder of this key")
    group.add_argument(
        "--signing-key", type=Path, metavar="FILE", help="sign with this key"
    )


def add_decoding_options(parser: argparse.ArgumentParser) -> None:
    """Add how objects are read; wiring.decoding_of reads it."""
    group = parser.add_argument_group("decryption")
    _add_files(group, "--private-key", "decrypt with this key")
    group.add_argument(
        "--private-key-passphrase-file",
        type=Path,
        metavar="FILE",
        help="file whose first line is the passphrase of the private keys",
    )
    add_trust_option(group)
    group.add_argument(
        "--accept-plain",
        action="store_true",
        help="accept unencrypted objects although a private key is given",
    )


def add_trust_option(parser: argparse._ActionsContainer) -> None:
    """Add whose signatures are believed; wiring.trust_of reads it by itself."""
    _add_files(parser, "--trusted-signer", "accept only what this key has signed")


def add_format_option(parser: argparse.ArgumentParser) -> None:
    """Add the form of the results, ``args.format``: console or json."""
    parser.add_argument(
        "--format",
        choices=("console", "json"),
        default="console",
        help="form of the output (default: console)",
    )


def _add_files(
    group: argparse._ActionsContainer,
    name: str,
    text: str,  # the only type it has
) -> None:
    group.add_argument(
        name,
        type=Path,
        metavar="FILE",
        action="append",
        default=[],
        help=f"{text} (may be repeated)",
    )
