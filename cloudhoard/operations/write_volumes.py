"""The files of a cluster into tar volumes, several at a time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Final

from cloudhoard.domain.archive_layout import DATA_ITEM, volume_key
from cloudhoard.domain.volume_list import (
    MOST_FILES_IN_VOLUME,
    BackupObject,
    ObjectKind,
)
from cloudhoard.operations.backup_objects import BackupObjects
from cloudhoard.operations.backup_source import BackupSource
from cloudhoard.operations.manifest_stream import ManifestStream
from cloudhoard.operations.tar_volume import MemberBytes, TarVolume
from cloudhoard.operations.volume_source import (
    VolumeSource,
    VolumeStart,
    size_in_tar,
)
from cloudhoard.operations.worker_threads import Cancellation, WorkerThreads
from cloudhoard.operations.write_behind import write_behind
from cloudhoard.postgres.data_directory import walk_data_directory, walk_tablespace

_EMPTY_DIRECTORIES: Final = (b".", b"pg_tblspc", b"pg_wal")
"""What the first volume of the data directory begins with, all for their owner only."""

_SLACK: Final = 64 << 10
"""Bytes of a volume's head and end that its size does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSettings:
    """How the volumes of a backup are cut and written."""

    jobs: int
    """Volumes written at a time."""
    volume_size: int
    """Bytes of tar that a volume aims at; a bigger file has one of its own."""
    max_bandwidth: int | None = None
    """Bytes to store in a second, all volumes together; None: as fast as it goes."""


class VolumeWriter:
    """Turns the files of a running backup into volumes, and lists them."""

    def __init__(
        self,
        objects: BackupObjects,
        manifest: ManifestStream,
        *,
        backup_id: str,
        settings: VolumeSettings,
        cancellation: Cancellation,
        on_progress: Callable[[int], None],
    ) -> None:
        self._objects = objects
        self._manifest = manifest
        self._backup_id = backup_id
        self._settings = settings
        self._cancellation = cancellation
        self._on_progress = on_progress
        self.volumes: list[BackupObject] = []
        """What is stored, in the order of the manifest."""

    def write_files(
        self, source: BackupSource, *, every: float | None, check: Callable[[], None]
    ) -> int:
        """Store all files but the last two; return the last volume's number.

        check is called every so many seconds meanwhile.

        Raises:
            UnreadableFile: a file is there and cannot be read.
            StorageError: a volume cannot be stored.
        """
        tablespaces = source.tablespace_directories
        files = VolumeSource(
            chain(
                walk_data_directory(
                    source.data_directory,
                    tablespaces=tablespaces,
                    emptied=source.emptied_directories,
                ),
                *(walk_tablespace(source.data_directory, each) for each in tablespaces),
            )
        )
        top = source.data_directory.stat()
        workers = WorkerThreads(
            self._settings.jobs,
            lambda: self._work(files, top),
            name="volume",
            cancellation=self._cancellation,
        )
        workers.run(every=every, check=check)
        return files.number_volume(DATA_ITEM)

    def write_last(self, index: int, members: tuple[MemberBytes, ...]) -> None:
        """Store the last volume of the data directory: members and nothing else."""
        at_most = sum(len(member.content) for member in members) + _SLACK
        with self._volume(DATA_ITEM, index, at_most, self._on_progress) as volume:
            for member in members:
                volume.add_bytes(member)

    def _work(self, files: VolumeSource, top: os.stat_result) -> None:
        def on_progress(size: int) -> None:
            self._cancellation.check()
            self._on_progress(size)

        while (start := files.start_volume()) is not None:
            self._cancellation.check()
            at_most = max(self._settings.volume_size, size_in_tar(start.first)) + _SLACK
            with self._volume(start.item, start.index, at_most, on_progress) as volume:
                if start.item == DATA_ITEM and start.index == 0:
                    for name in _EMPTY_DIRECTORIES:
                        volume.add_directory(name, top, mode=0o700)
                self._fill(volume, start, files)

    def _fill(self, volume: TarVolume, start: VolumeStart, files: VolumeSource) -> None:
        volume.add(start.first)
        while len(volume.entries) < MOST_FILES_IN_VOLUME:
            room = self._settings.volume_size - volume.size
            entry = files.take(start.item, room)
            if entry is None:
                return
            volume.add(entry)

    @contextmanager
    def _volume(
        self,
        item: str,
        index: int,
        at_most: int,
        on_progress: Callable[[int], None],
    ) -> Iterator[TarVolume]:
        """Store what the block adds as one volume, then list it."""
        key = volume_key(self._backup_id, item, index, self._objects.suffix)
        with (
            self._objects.storing(key, at_most=at_most) as sink,
            # Compressing one block and reading the next take about as long.
            write_behind(sink) as behind,
        ):
            volume = TarVolume(behind, item, on_progress=on_progress)
            yield volume
            volume.finish()
        with self._manifest.block(volume.entries):
            self.volumes.append(
                self._objects.describe(
                    key,
                    ObjectKind.DATA if item == DATA_ITEM else ObjectKind.TABLESPACE,
                    files=len(volume.entries),
                    item=item,
                    index=index,
                )
            )
