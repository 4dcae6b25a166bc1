"""The options for S3 and its like, with barman-cloud's names where it has them."""

import argparse
import re
from pathlib import Path
from typing import Final

from cloudhoard.cli.value_types import positive_int

# Patterns are compiled where they are used: each start would pay for it.
_TAG_TEXT: Final = r"[A-Za-z0-9\s_.:/=+\-@]*"
_FIELD: Final = r'("(?:[^"]|"")*"|[^",]*)'
_RECORD: Final = f"{_FIELD},{_FIELD}"
_LONGEST_KEY: Final = 128
_LONGEST_VALUE: Final = 256


def add_s3_options(parser: argparse.ArgumentParser) -> None:
    """Add how a bucket is reached; s3_wiring reads it."""
    group = parser.add_argument_group("S3 and compatible stores")
    group.add_argument(
        "--endpoint-url", metavar="URL", help="endpoint of a store that is not AWS's"
    )
    group.add_argument(
        "-P",
        "--aws-profile",
        "--profile",
        metavar="NAME",
        help="profile of the AWS configuration files",
    )
    group.add_argument(
        "--region", "--aws-region", metavar="NAME", help="region of the bucket"
    )
    group.add_argument(
        "--addressing-style",
        choices=("auto", "virtual", "path"),
        help="where the bucket's name stands in a request",
    )
    group.add_argument(
        "--ca-bundle",
        type=Path,
        metavar="FILE",
        help="certificates of the authorities to trust",
    )
    group.add_argument(
        "--sse-customer-key",
        metavar="file:///PATH",
        help="file with the base64 of 32 bytes with which the store encrypts",
    )


def add_s3_writing_options(
    parser: argparse.ArgumentParser, *, history: bool = False
) -> None:
    """Add how objects are stored in a bucket; s3_wiring reads it."""
    group = parser.add_argument_group("objects in S3")
    _add_tags(group, "tag", "tag of the objects stored")
    if history:
        _add_tags(group, "history-tag", "tag of history files, in place of --tag")
    group.add_argument(
        "--max-parts",
        type=positive_int,
        metavar="N",
        help="parts of one object that the store takes (default: 10000)",
    )
    group.add_argument(
        "-e",
        "--encryption",
        choices=("AES256", "aws:kms"),
        help="have the store encrypt, beside any encryption of ours",
    )
    group.add_argument(
        "--sse-kms-key-id", metavar="ID", help="key for --encryption aws:kms"
    )


def _add_tags(group: argparse._ArgumentGroup, name: str, text: str) -> None:
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        f"--{name}",
        type=_tag,
        metavar="KEY,VALUE",
        action="append",
        help=f"{text} (may be repeated)",
    )
    either.add_argument(
        f"--{name}s",
        dest=name.replace("-", "_"),
        type=_record_tag,
        metavar="KEY,VALUE",
        nargs="*",
        help=f"several in the place of --{name}, as barman-cloud's older form",
    )


def _record_tag(text: str) -> tuple[str, str]:
    """Return the tag in a record of CSV, whose fields may be quoted."""
    fields = re.fullmatch(_RECORD, text)
    if fields is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY,VALUE")
    key, value = (_unquoted(field) for field in fields.groups())
    return _checked_tag(text, key, value)


def _unquoted(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field


def _tag(text: str) -> tuple[str, str]:
    key, comma, value = (part.strip() for part in text.partition(","))
    if not comma:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY,VALUE")
    return _checked_tag(text, key, value)


def _checked_tag(text: str, key: str, value: str) -> tuple[str, str]:
    fits = 0 < len(key) <= _LONGEST_KEY and len(value) <= _LONGEST_VALUE
    if not fits or not re.fullmatch(_TAG_TEXT, key + value, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY,VALUE")
    if key.startswith("aws:"):
        raise argparse.ArgumentTypeError(f"{key!r}: aws: is Amazon's")
    return key, value
