"""Which keys an object may have: the ones that every store takes and lists alike.

Components of ``[A-Za-z0-9._-]`` between single slashes; none starts with a dot, so
that ``.snapshot``, ``..`` and the temporary names of a directory can never be keys.
"""

import re
from typing import Final

from cloudhoard.storage.errors import StorageError

MAX_KEY_SIZE: Final = 900  # S3 takes 1,024 bytes, and the URL's path comes before it
MAX_COMPONENT_SIZE: Final = 200  # file systems take 255; temporary names are longer

_COMPONENT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)
_PREFIX: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/?)*", re.ASCII)


class InvalidKey(StorageError):
    """A name that not every store can hold; refused before any request."""


def is_key_component(name: str) -> bool:
    """Tell whether name may stand between two slashes of a key."""
    return len(name) <= MAX_COMPONENT_SIZE and _COMPONENT.fullmatch(name) is not None


def check_key(key: str) -> str:
    """Return key as it is.

    Raises:
        InvalidKey: it is not one.
    """
    if len(key) > MAX_KEY_SIZE or not all(map(is_key_component, key.split("/"))):
        message = f"{key!r} cannot be an object's name"
        raise InvalidKey(message)
    return key


def check_prefix(prefix: str) -> str:
    """Return prefix as it is: the beginning of a key, or nothing.

    Raises:
        InvalidKey: no key starts like that.
    """
    if len(prefix) > MAX_KEY_SIZE or not _PREFIX.fullmatch(prefix):
        message = f"no object's name starts with {prefix!r}"
        raise InvalidKey(message)
    return prefix
