"""The objects below a directory, in the order of their keys."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudhoard.storage.directory import Directory
from cloudhoard.storage.errors import StorageUnavailable
from cloudhoard.storage.object_key import is_key_component
from cloudhoard.storage.os_errors import os_errors_as_storage_errors
from cloudhoard.storage.protocol import ObjectInfo

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The keys that start with prefix and sort after start_after."""

    prefix: str
    start_after: str

    def holds(self, key: str) -> bool:
        """Tell whether key is one of them."""
        return key.startswith(self.prefix) and key > self.start_after

    def may_lie_below(self, directory: str) -> bool:
        """Tell whether a key below directory, given with its slash, may be one."""
        beginning = directory.startswith(self.prefix) or self.prefix.startswith(
            directory
        )
        return beginning and (
            directory > self.start_after or self.start_after.startswith(directory)
        )


def walk(directory: Directory, path: str, wanted: KeyRange) -> Iterator[ObjectInfo]:
    """Yield the wanted objects below directory, one directory read at a time.

    Args:
        directory: where; stays open and the caller's.
        path: what stands before its names in keys: "" or with a slash at its end.
        wanted: which keys.

    Raises:
        StorageUnavailable: something that is neither a file nor a directory has the
            name of an object: what it hides is not known.
    """
    for name in _ordered_names(directory):
        key = path + name
        if not name.endswith("/"):
            if wanted.holds(key) and (info := _describe(directory, name, key)):
                yield info
        elif wanted.may_lie_below(key) and (child := _open(directory, name[:-1], key)):
            with child:
                yield from walk(child, key, wanted)


def object_info(key: str, size: int, modified: float) -> ObjectInfo:
    """Return what a file's status says of the object key; modified in seconds."""
    return ObjectInfo(key, size, datetime.fromtimestamp(modified, UTC))


def _ordered_names(directory: Directory) -> list[str]:
    """Return the names that can be keys, whatever is not a file with a slash after.

    With the slash, names sort as the keys that they are the beginning of.
    """
    names = []
    with os_errors_as_storage_errors(f"list {directory.path}"):
        for entry in directory.entries():
            if is_key_component(entry.name):
                is_file = entry.is_file(follow_symlinks=False)
                names.append(entry.name if is_file else entry.name + "/")
            elif not entry.name.startswith("."):
                _log.warning("%s/%r is not ours", directory.path, entry.name)
    return sorted(names)


def _describe(directory: Directory, name: str, key: str) -> ObjectInfo | None:
    with os_errors_as_storage_errors(f"look at {directory.path}/{name}"):
        status = directory.status(name)
    if status is None:  # deleted since
        return None
    return object_info(key, status.st_size, status.st_mtime)


def _open(directory: Directory, name: str, key: str) -> Directory | None:
    with os_errors_as_storage_errors(f"list {directory.path}/{name}"):
        try:
            return directory.child(name)
        except FileNotFoundError:  # removed since
            return None
        except NotADirectoryError as error:
            message = f"{key[:-1]} in {directory.path} is neither file nor directory"
            raise StorageUnavailable(message) from error
