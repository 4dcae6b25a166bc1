"""Whether the directories of a restore are free, and how they are made so."""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from cloudhoard.domain.restore_marker import LARGEST_MARKER, RestoreMarker
from cloudhoard.domain.restored_path import (
    PG_CONTROL,
    RESTORING_NAME,
    TEMPORARY_SUFFIX,
)
from cloudhoard.errors import InvalidFormat, OperationFailed
from cloudhoard.operations.restore_directories import RestoreDirectories
from cloudhoard.operations.staged_manifest import STAGED_NAME
from cloudhoard.postgres.postmaster import Postmaster

_PASSED_OVER: Final = frozenset({"lost+found"})
"""What may lie at the root of a file system of its own."""
_LEFT_BEHIND: Final = frozenset({STAGED_NAME, RESTORING_NAME + TEMPORARY_SUFFIX})
"""What a restore that was killed at its very beginning leaves."""
_SIGNS_OF_A_CLUSTER: Final = ("PG_VERSION", "global/pg_control")


class DirectoryState:
    """What stands in the directories that a restore is about to fill."""

    def __init__(
        self, directories: RestoreDirectories, *, major: int, overwrite: bool
    ) -> None:
        self._directories = directories
        self._overwrite = overwrite
        self._version_directory = re.compile(rf"PG_{major}_[0-9]+")
        self._marker = _read_marker(directories.data)

    def check(self) -> None:
        """Refuse what is in use; changes nothing.

        Raises:
            OperationFailed: a directory is not empty and must not be emptied, or a
                server runs on the data directory.
        """
        self._check_data()
        for oid, path in self._directories.tablespaces.items():
            self._check_tablespace(oid, path)
        if self._directories.wal is not None:
            self._check_other(self._directories.wal, "pg_wal", "--waldir")
        if self._directories.config is not None:
            self._check_other(self._directories.config, None, "--config-dir")

    def empty(self) -> None:
        """Remove what check() has allowed to be removed, but for our own files.

        The data directory's pg_control goes first, so that no server starts on what
        is left if we are killed.
        """
        data = self._directories.data
        (data / os.fsdecode(PG_CONTROL)).unlink(missing_ok=True)
        for path in self._directories.tablespaces.values():
            _empty(path, lambda name: bool(self._version_directory.fullmatch(name)))
        for other in (self._directories.wal, self._directories.config):
            if other is not None:
                _empty(other, lambda name: name not in _PASSED_OVER)
        _empty(data, lambda name: name not in {RESTORING_NAME, STAGED_NAME})

    def _check_data(self) -> None:
        path = self._directories.data
        names = _names(path) - _LEFT_BEHIND
        if not names:
            return
        _check_no_server(path)
        if self._marker is not None and _never_started(path, self._marker):
            return
        if not self._overwrite:
            raise OperationFailed(
                f"{path} is not empty",
                hint="choose another directory, or --overwrite it",
            )
        if self._marker is None and not _looks_like_a_cluster(path):
            raise OperationFailed(
                f"{path} is not empty and no data directory of PostgreSQL",
                hint="empty it yourself if nothing in it is needed",
            )

    def _check_tablespace(self, oid: str, path: Path) -> None:
        names = _names(path) - _PASSED_OVER
        ours = all(self._version_directory.fullmatch(name) for name in names)
        if names and not (ours and self._may_be_emptied(path, f"pg_tblspc/{oid}")):
            raise OperationFailed(
                f"{path}, for the tablespace {oid}, is not empty",
                hint="choose another place: --tablespace NAME:LOCATION",
            )

    def _check_other(self, path: Path, link: str | None, option: str) -> None:
        if _names(path) - _PASSED_OVER and not self._may_be_emptied(path, link):
            raise OperationFailed(
                f"{path} is not empty", hint=f"choose another directory for {option}"
            )

    def _may_be_emptied(self, path: Path, link: str | None) -> bool:
        """Whether what is in path is of the very cluster that makes room here."""
        if self._marker is not None and str(path) in self._marker.directories:
            return True
        if not self._overwrite or link is None:
            return False
        old = self._directories.data / link
        return old.is_symlink() and Path(os.path.realpath(old)) == path


def _names(path: Path) -> set[str]:
    try:
        return set(os.listdir(path))  # noqa: PTH208 - names are what we want
    except FileNotFoundError:
        return set()
    except NotADirectoryError as error:
        raise OperationFailed(f"{path} is not a directory") from error


def _read_marker(data: Path) -> RestoreMarker | None:
    try:
        with (data / RESTORING_NAME).open("rb") as file:
            return RestoreMarker.from_json(file.read(LARGEST_MARKER + 1))
    except (FileNotFoundError, NotADirectoryError, InvalidFormat):
        return None


def _never_started(data: Path, marker: RestoreMarker) -> bool:
    """Whether no server has run on a directory that an unfinished restore left."""
    try:
        content = (data / os.fsdecode(PG_CONTROL)).read_bytes()
    except FileNotFoundError:
        return True
    return hashlib.sha256(content).hexdigest() == marker.control_sha256


def _looks_like_a_cluster(data: Path) -> bool:
    return any((data / name).is_file() for name in _SIGNS_OF_A_CLUSTER)


def _check_no_server(data: Path) -> None:
    path = data / "postmaster.pid"
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    try:
        pid = Postmaster.parse(text).pid
    except InvalidFormat:
        pid = None
    if pid is None or _is_alive(pid):
        raise OperationFailed(
            f"a server runs on {data}, says {path}",
            hint="stop it; if it is not running any more, remove that file",
        )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _empty(path: Path, is_removed: Callable[[str], bool]) -> None:
    """Remove the chosen entries of a directory, following no link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _remove_entries(descriptor, [n for n in _names(path) if is_removed(n)])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_entries(parent: int, names: Collection[str]) -> None:
    for name in names:
        try:
            os.unlink(name, dir_fd=parent)
        except IsADirectoryError:
            shutil.rmtree(name, onerror=_keep_mount_point, dir_fd=parent)


def _keep_mount_point(
    _function: object, _path: str, failure: tuple[object, BaseException, object]
) -> None:
    """Go on where only a mount point is left, which cannot be removed."""
    error = failure[1]
    if not isinstance(error, OSError) or error.errno != errno.EBUSY:
        raise error
