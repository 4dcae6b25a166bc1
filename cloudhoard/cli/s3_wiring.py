"""From arguments to the options of a storage in S3, and back."""

import argparse
import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from cloudhoard.cli.time_limits import timeouts_of
from cloudhoard.errors import UsageError
from cloudhoard.storage.s3_options import S3Options

_KEY_SIZE: Final = 32
_MOST_TAGS: Final = 10
_LARGEST_KEY_FILE: Final = 4096
_FILE: Final = "file://"
_KMS: Final = "aws:kms"


def s3_options_of(args: argparse.Namespace) -> S3Options:
    """Return how the bucket is reached and how objects are stored in it.

    Raises:
        UsageError: options that do not fit together, or a key file that is none.
    """
    encryption = getattr(args, "encryption", None)
    kms_key_id = getattr(args, "sse_kms_key_id", None)
    if kms_key_id is not None and encryption != _KMS:
        raise UsageError(f"--sse-kms-key-id needs --encryption {_KMS}")
    if args.sse_customer_key is not None and encryption is not None:
        raise UsageError("--sse-customer-key and --encryption exclude each other")
    if args.ca_bundle is not None and not args.ca_bundle.is_file():
        raise UsageError(f"--ca-bundle {args.ca_bundle}: no such file")
    key = args.sse_customer_key
    defaults = S3Options()
    connect_timeout, read_timeout = timeouts_of(
        args, connect=defaults.connect_timeout, read=defaults.read_timeout
    )
    return S3Options(
        endpoint_url=args.endpoint_url,
        profile=args.aws_profile,
        region=args.region,
        addressing_style=args.addressing_style,
        ca_bundle=args.ca_bundle,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries=args.retries,
        usual_retries=args.usual_retries,
        tags=_checked_tags("--tag", getattr(args, "tag", None)) or (),
        history_tags=_checked_tags("--history-tag", getattr(args, "history_tag", None)),
        encryption=encryption,
        kms_key_id=kms_key_id,
        customer_key=None if key is None else _read_customer_key(key),
        max_parts=getattr(args, "max_parts", None) or defaults.max_parts,
    )


def _checked_tags(
    option: str, tags: Sequence[tuple[str, str]] | None
) -> tuple[tuple[str, str], ...] | None:
    """Return tags that one object may have; None where there are no such."""
    if tags is None:
        return None
    if len(tags) > _MOST_TAGS:
        raise UsageError(f"{option}: {len(tags)} tags, and S3 takes {_MOST_TAGS}")
    keys = [key for key, _ in tags]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise UsageError(f"{option}: the key {twice!r} is given twice")
    return tuple(tags)


def s3_reading_words(args: argparse.Namespace) -> list[str]:
    """Return the options with which another command reaches the same bucket."""
    given: dict[str, object] = {
        "--endpoint-url": args.endpoint_url,
        "--aws-profile": args.aws_profile,
        "--region": args.region,
        "--addressing-style": args.addressing_style,
        "--connect-timeout": args.connect_timeout,
        "--read-timeout": args.read_timeout,
        "--retries": args.retries,
        "--ca-bundle": args.ca_bundle and args.ca_bundle.absolute(),
        "--sse-customer-key": args.sse_customer_key,
    }
    pairs = [(name, str(value)) for name, value in given.items() if value is not None]
    return [word for pair in pairs for word in pair]


def _read_customer_key(url: str) -> bytes:
    """Return the key in a file, named as barman-cloud wants it.

    Raises:
        UsageError: there is no such file, or no such key in it.
    """
    path = Path(unquote(url.removeprefix(_FILE)))
    if not url.startswith(_FILE) or not path.is_absolute():
        raise UsageError(
            "--sse-customer-key is not the URL of a file",
            hint="the key itself must not stand here: write file:///PATH",
        )
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_KEY_FILE)
        key = base64.b64decode(text.strip(), validate=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"customer key {path}: {reason}") from error
    except binascii.Error as error:
        raise UsageError(f"customer key {path}: not base64") from error
    if len(key) != _KEY_SIZE:
        raise UsageError(f"customer key {path}: {len(key)} bytes, not {_KEY_SIZE}")
    return key
