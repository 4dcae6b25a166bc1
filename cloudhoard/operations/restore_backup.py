"""Put a base backup back: every file checked, and pg_control last of all."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cloudhoard.domain.restore_marker import RestoreMarker
from cloudhoard.domain.restored_guard import RestoredGuard
from cloudhoard.domain.restored_path import PG_CONTROL, RESTORING_NAME
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.directory_state import DirectoryState
from cloudhoard.operations.free_space import check_free_space
from cloudhoard.operations.readable_codecs import check_codecs
from cloudhoard.operations.restorable import (
    BackupContent,
    Filling,
    RestorableBackup,
)
from cloudhoard.operations.restore_directories import RestoreDirectories
from cloudhoard.operations.restored_settings import (
    ArchiveMode,
    RestoredSettings,
    write_settings,
)
from cloudhoard.operations.target_tree import Owner, TargetTree
from cloudhoard.operations.volume_place import STAGED_CONTROL, RestoreTrees
from cloudhoard.spool.atomic_file import atomic_file

_NO_CONTROL: Final = "00" * 32
"""In the marker, as long as pg_control is not known: no file has it as its SHA-256,
so that one which is there counts as a server's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """Where a backup goes, and what it is to become there."""

    directories: RestoreDirectories
    settings: RestoredSettings
    restored_at: datetime
    """Aware; for the guard."""
    owner: Owner | None = None
    overwrite: bool = False
    jobs: int = 1


def restore_backup(
    backup: RestorableBackup, plan: RestorePlan, *, on_progress: Callable[[int], None]
) -> None:
    """Restore a backup as planned; durable when this returns.

    Directories must be free, or be left from a restore that did not finish, or
    plan.overwrite must be set; until all of that and the manifest are checked nothing
    that is there is changed. on_progress gets bytes done, from several threads.

    Raises:
        UsageError: a library that the volumes need is not installed.
        OperationFailed: a directory is in use, or too small.
        DamagedError: something in the archive is not what it must be. What has been
            restored so far stays and cannot be started; a further restore empties it.
    """
    directories = plan.directories
    check_codecs(backup.suffixes())
    state = DirectoryState(
        directories, major=backup.info.major, overwrite=plan.overwrite
    )
    state.check()
    with (
        _made(directories, plan.owner),
        TargetTree(directories.data, owner=plan.owner) as data,
    ):
        _lock(data)
        state.check()
        if not plan.overwrite:
            check_free_space(backup.sizes(), directories)
        with backup.opened(data) as content:
            _write_marker(data, backup, content, directories)
            state.empty()
            with _opened_trees(data, plan) as trees:
                filling = Filling(
                    trees=trees,
                    config=directories.config,
                    jobs=plan.jobs,
                    on_progress=on_progress,
                )
                _fill(content, filling, plan, _guard(backup, plan))
            _write_marker(data, backup, content, directories)  # it has pg_control now
        _commit(data)


@contextmanager
def _made(directories: RestoreDirectories, owner: Owner | None) -> Iterator[None]:
    """The directories are there in the block; new ones go if it fails early."""
    made: list[Path] = []
    try:
        for path in (directories.data, *directories.outside()):
            _make(path, owner, made)
        yield
    except BaseException:
        for path in reversed(made):
            with suppress(OSError):  # not empty: a further restore takes it over
                path.rmdir()
        raise


def _make(path: Path, owner: Owner | None, made: list[Path]) -> None:
    if path.is_dir():
        return
    if path.parent != path:
        _make(path.parent, owner, made)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError as error:
        raise OperationFailed(f"{path} is not a directory") from error
    made.append(path)
    with TargetTree(path, owner=owner) as tree:
        tree.take_over()


def _lock(data: TargetTree) -> None:
    try:
        fcntl.flock(data.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OperationFailed(f"another restore into {data.path} is at work") from error


def _write_marker(
    data: TargetTree,
    backup: RestorableBackup,
    content: BackupContent,
    directories: RestoreDirectories,
) -> None:
    marker = RestoreMarker(
        backup_id=backup.backup_id,
        control_sha256=content.control_sha256 or _NO_CONTROL,
        directories=tuple(str(path) for path in directories.outside()),
    )
    with atomic_file(data.path / RESTORING_NAME) as file:
        file.write(marker.to_json())
        data.give(file.fileno())


@contextmanager
def _opened_trees(data: TargetTree, plan: RestorePlan) -> Iterator[RestoreTrees]:
    directories = plan.directories
    with ExitStack() as stack:

        def opened(path: Path) -> TargetTree:
            tree = stack.enter_context(TargetTree(path, owner=plan.owner))
            tree.take_over()
            return tree

        data.take_over()
        yield RestoreTrees(
            data,
            {oid: opened(path) for oid, path in directories.tablespaces.items()},
            None if directories.wal is None else opened(directories.wal),
        )


def _fill(
    content: BackupContent,
    filling: Filling,
    plan: RestorePlan,
    guard: RestoredGuard | None,
) -> None:
    """Everything but pg_control's own name."""
    content.fill(filling)
    filling.trees.fsync_directories()
    _link(filling.trees, plan)
    write_settings(filling.trees.data, plan.settings)
    content.finish(filling.trees.data, guard)


def _guard(backup: RestorableBackup, plan: RestorePlan) -> RestoredGuard | None:
    if plan.settings.archive_mode is not ArchiveMode.GUARD:
        return None
    return RestoredGuard(
        archive=backup.archive,
        backup_id=backup.backup_id,
        restored_at=plan.restored_at,
    )


def _link(trees: RestoreTrees, plan: RestorePlan) -> None:
    """pg_tblspc and pg_wal as the server wants them, durably."""
    if plan.directories.wal is not None:
        _symlink(trees.data, trees.data.descriptor, "pg_wal", plan.directories.wal)
    else:
        os.close(trees.data.open_directory([b"pg_wal"]))
    with trees.data.directory([b"pg_tblspc"]) as below:
        for oid, path in plan.directories.tablespaces.items():
            _symlink(trees.data, below, oid, path)
        os.fsync(below)


def _symlink(tree: TargetTree, parent: int, name: str, path: Path) -> None:
    os.symlink(path, name, dir_fd=parent)
    if tree.owner is not None:
        owner = tree.owner
        os.chown(
            name, owner.user_id, owner.group_id, dir_fd=parent, follow_symlinks=False
        )


def _commit(data: TargetTree) -> None:
    """Let the server start: pg_control gets its name, the marker goes."""
    os.fsync(data.descriptor)
    os.rename(
        STAGED_CONTROL,
        PG_CONTROL,
        src_dir_fd=data.descriptor,
        dst_dir_fd=data.descriptor,
    )
    with data.directory([b"global"]) as below:
        os.fsync(below)
    os.unlink(RESTORING_NAME, dir_fd=data.descriptor)
    os.fsync(data.descriptor)
