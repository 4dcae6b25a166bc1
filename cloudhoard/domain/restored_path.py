"""Which paths of a backup may be restored: relative, plain, and not our own files."""

from typing import Final

from cloudhoard.domain.recovery_settings import (
    AUTO_CONF_NAME,
    RECOVERY_SIGNAL_NAME,
    STANDBY_SIGNAL_NAME,
)
from cloudhoard.domain.restored_guard import GUARD_NAME
from cloudhoard.errors import InvalidFormat

MANIFEST_NAME: Final = "backup_manifest"
RESTORING_NAME: Final = "cloudhoard.restoring"
"""Stands in a data directory while a restore into it is not finished."""
TEMPORARY_SUFFIX: Final = ".cloudhoard-tmp"
PG_CONTROL: Final = b"global/pg_control"
PG_WAL: Final = b"pg_wal"

_MAX_PATH: Final = 4095  # PATH_MAX of Linux without its NUL
_MAX_COMPONENT: Final = 255  # NAME_MAX of the usual file systems
_MAX_DEPTH: Final = 256

_OURS: Final = frozenset(
    name.encode()
    for name in (
        MANIFEST_NAME,
        MANIFEST_NAME + TEMPORARY_SUFFIX,
        GUARD_NAME,
        RESTORING_NAME,
        RESTORING_NAME + TEMPORARY_SUFFIX,
        RECOVERY_SIGNAL_NAME,
        STANDBY_SIGNAL_NAME,
        "postmaster.pid",
        AUTO_CONF_NAME + TEMPORARY_SUFFIX,
    )
)
_CONTROL_TEMPORARY: Final = PG_CONTROL + TEMPORARY_SUFFIX.encode()


def split_path(path: bytes) -> tuple[bytes, ...]:
    """The components of a relative path, none of which leads upwards.

    Raises:
        InvalidFormat: the path is absolute, empty, too long or too deep, or a
            component is empty, ``.``, ``..``, or holds a NUL.
    """
    components = tuple(path.split(b"/"))
    if (
        len(path) > _MAX_PATH
        or len(components) > _MAX_DEPTH
        or b"\0" in path
        or not all(map(_is_plain, components))
    ):
        raise InvalidFormat(f"{shown_path(path)} is not a path inside a directory")
    return components


def check_data_path(path: bytes) -> None:
    """Refuse what a backup of a data directory cannot hold; path is split already.

    Such a name would pass for a file that restore itself, or the server, writes.

    Raises:
        InvalidFormat: it is such a name.
    """
    top, _, _ = path.partition(b"/")
    below_control = path.startswith(PG_CONTROL + b"/")
    if top in _OURS or path == _CONTROL_TEMPORARY or below_control:
        raise InvalidFormat(f"{shown_path(path)} cannot be part of a backup")


def check_data_file(path: bytes) -> None:
    """Refuse, as check_data_path, what no file of a data directory is called.

    restore makes pg_wal itself: a directory, or a link to one.

    Raises:
        InvalidFormat: it is such a name.
    """
    check_data_path(path)
    if path == PG_WAL:
        raise InvalidFormat(f"{shown_path(path)} cannot be part of a backup")


def shown_path(path: bytes) -> str:
    """A path of a backup as it stands in messages: quoted, escaped, not too long."""
    limit = 200
    text = ascii(path[:limit].decode("utf-8", "backslashreplace"))
    return text if len(path) <= limit else text + "..."


def _is_plain(component: bytes) -> bool:
    return len(component) <= _MAX_COMPONENT and component not in {b"", b".", b".."}
