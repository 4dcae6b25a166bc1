"""What a restored data directory gets beyond the backup: settings, signal, guard."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Final

from cloudhoard.domain.manifest import ManifestEntry
from cloudhoard.domain.recovery_settings import (
    AUTO_CONF_NAME,
    RecoverySettings,
    Setting,
    rewrite_auto_conf,
)
from cloudhoard.domain.restored_guard import GUARD_NAME, RestoredGuard
from cloudhoard.domain.restored_path import MANIFEST_NAME, TEMPORARY_SUFFIX
from cloudhoard.errors import DamagedError
from cloudhoard.operations.staged_manifest import StagedManifest
from cloudhoard.operations.target_tree import TargetTree, open_file

_LARGEST_AUTO_CONF: Final = 16 << 20


class ArchiveMode(StrEnum):
    """What a restored cluster does to the archive that it came from."""

    GUARD = "guard"
    """Nothing: wal-archive refuses until somebody removes the guard."""
    TAKE_OVER = "take-over"
    """It goes on writing to it, in the original's place."""
    OFF = "off"
    """Nothing: archive_mode is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredSettings:
    """How a restored cluster is to behave."""

    recovery: RecoverySettings | None
    """None leaves recovery to the operator."""
    archive_mode: ArchiveMode = ArchiveMode.GUARD

    def settings(self) -> tuple[Setting, ...]:
        """What goes to the end of postgresql.auto.conf."""
        recovery = () if self.recovery is None else self.recovery.as_settings()
        if self.archive_mode is ArchiveMode.OFF:
            return (("archive_mode", "off"), *recovery)
        return recovery


def write_settings(tree: TargetTree, settings: RestoredSettings) -> None:
    """Put settings and the signal for recovery into a data directory, durably.

    Raises:
        DamagedError: the restored postgresql.auto.conf is unreasonably large.
    """
    added = settings.settings()
    if added:
        _rewrite(tree, added)
    if settings.recovery is not None:
        with new_file(tree, settings.recovery.signal_name):
            pass


def write_manifest(
    tree: TargetTree, staged: StagedManifest, guard: RestoredGuard | None
) -> None:
    """Write backup_manifest, and the guard, which the manifest then lists as well.

    pg_verifybackup calls every file that the manifest lacks an error.
    """
    entry = None if guard is None else write_guard(tree, guard)
    with new_file(tree, MANIFEST_NAME) as file:
        staged.write(file, entry)


@contextmanager
def new_file(tree: TargetTree, name: str) -> Iterator[BinaryIO]:
    """A file below tree that is not there yet, 0600, durable after the block.

    Its name is not, before the directory is fsynced.
    """
    with os.fdopen(tree.create_file(tree.descriptor, name), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def write_guard(tree: TargetTree, guard: RestoredGuard) -> ManifestEntry:
    """Write the guard; return how a manifest lists it."""
    content = guard.to_json()
    with new_file(tree, GUARD_NAME) as file:
        file.write(content)
    return _entry(content, guard.restored_at)


def _entry(content: bytes, modified_at: datetime) -> ManifestEntry:
    return ManifestEntry(
        path=GUARD_NAME.encode(),
        size=len(content),
        modified_at=modified_at,
        sha256=hashlib.sha256(content).digest(),
    )


def _rewrite(tree: TargetTree, settings: Sequence[Setting]) -> None:
    text = rewrite_auto_conf(_auto_conf(tree), settings)
    temporary = AUTO_CONF_NAME + TEMPORARY_SUFFIX
    with new_file(tree, temporary) as file:
        file.write(text)
    os.rename(
        temporary,
        AUTO_CONF_NAME,
        src_dir_fd=tree.descriptor,
        dst_dir_fd=tree.descriptor,
    )


def _auto_conf(tree: TargetTree) -> bytes:
    try:
        descriptor = open_file(tree.descriptor, AUTO_CONF_NAME)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        text = file.read(_LARGEST_AUTO_CONF + 1)
    if len(text) > _LARGEST_AUTO_CONF:
        raise DamagedError(
            f"{AUTO_CONF_NAME} is larger than {_LARGEST_AUTO_CONF} bytes"
        )
    return text
