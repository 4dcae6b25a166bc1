"""Key ids: the name people give a pair of keys, and the files it lies in."""

import re
from pathlib import Path
from typing import Final

from cloudhoard.errors import UsageError

LONGEST_KEY_ID: Final = 255
"""Characters: its length is one byte of an encrypted object's header."""

_LONGEST_FILE_NAME: Final = 255
"""Bytes, on every file system of today."""

PUBLIC_KEY: Final = ".public.pem"
PRIVATE_KEY: Final = ".private.pem"
SIGNING_KEY: Final = ".signing.pem"
SIGNER: Final = ".signing.public.pem"

_KEY_ID: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST_KEY_ID}}}")


def is_key_id(text: str) -> bool:
    """Whether text can name a pair of keys."""
    return _KEY_ID.fullmatch(text) is not None


def check_key_id(text: str) -> None:
    """Return normally if text can name keys that are to be made.

    Raises:
        UsageError: it cannot, or its files could be taken for another id's.
    """
    is_ambiguous = text.endswith((".public", ".private", ".signing"))
    is_too_long = len(text + SIGNER) > _LONGEST_FILE_NAME
    if not is_key_id(text) or is_ambiguous or is_too_long:
        raise UsageError(
            f"{text!r} is not a key id",
            hint="it has letters, digits and ._- only, and no .public, .private or"
            " .signing at its end, as the names of the files have",
        )


def key_id_of(path: Path) -> str:
    """Return the key id in a key file's name: ``ops`` of ``ops.public.pem``.

    Raises:
        UsageError: what is left of the name is not a key id.
    """
    name = path.name
    for suffix in (SIGNER, PUBLIC_KEY, PRIVATE_KEY, SIGNING_KEY, ".pem"):
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    if not is_key_id(name):
        raise UsageError(
            f"key file {path}: {name!r} is not a key id",
            hint="name the file ID.public.pem; an ID has letters, digits and ._- only",
        )
    return name
