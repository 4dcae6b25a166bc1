"""A backup as restore_backup sees it, whichever tool has made it."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.restored_guard import RestoredGuard
from cloudhoard.operations.target_tree import TargetTree
from cloudhoard.operations.volume_place import RestoreTrees


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """How the directories are filled."""

    trees: RestoreTrees
    config: Path | None
    """Where configuration from outside the data directory goes; None: nowhere."""
    jobs: int
    """Volumes at a time."""
    on_progress: Callable[[int], None]
    """Gets bytes done, in the unit of progress_total; from several threads."""


class BackupContent(Protocol):
    """What is in a backup, when a restore has begun."""

    @property
    def control_sha256(self) -> str | None:
        """Of global/pg_control, in hexadecimal; None as long as it is not known."""

    def fill(self, filling: Filling) -> None:
        """Write every file, pg_control under its temporary name; contents durably.

        Raises:
            DamagedError: something is not what it must be.
        """

    def finish(self, data: TargetTree, guard: RestoredGuard | None) -> None:
        """Write what a data directory has beside the files of the backup, durably."""


class RestorableBackup(Protocol):
    """A complete backup, of which nothing but its description has been read."""

    @property
    def backup_id(self) -> str:
        """Its id."""

    @property
    def archive(self) -> str:
        """Where it is stored, for people."""

    @property
    def info(self) -> BackupInfo:
        """Its backup.info."""

    @property
    def is_signed(self) -> bool:
        """Whether a trusted key vouches for info."""

    @property
    def has_outside_config(self) -> bool:
        """Whether configuration files can be restored to a directory of their own."""

    @property
    def progress_total(self) -> int:
        """Bytes that a restore counts up to."""

    def restored(self) -> tuple[int, int]:
        """Files and their bytes, after the restore."""

    def suffixes(self) -> Iterable[str]:
        """How the names of its objects end."""

    def sizes(self) -> Iterable[tuple[str, int]]:
        """Items and bytes that they will take at least, in any number of pieces."""

    def opened(self, data: TargetTree) -> AbstractContextManager[BackupContent]:
        """Begin; temporary files go below data, and are gone after the block."""
