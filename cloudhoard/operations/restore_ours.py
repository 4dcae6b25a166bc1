"""Restoring a backup of ours: every file is checked against the manifest."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cloudhoard.domain.archive_layout import DATA_ITEM
from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.restored_guard import RestoredGuard
from cloudhoard.operations.restorable import Filling
from cloudhoard.operations.restore_config import restore_config
from cloudhoard.operations.restore_volumes import VolumeReader, restore_volumes
from cloudhoard.operations.restored_settings import write_manifest
from cloudhoard.operations.staged_manifest import (
    StagedManifest,
    VolumeFiles,
    staged_manifest,
)
from cloudhoard.operations.target_tree import TargetTree


@dataclass(frozen=True, slots=True)
class OurBackup:
    """A RestorableBackup."""

    reader: VolumeReader

    @property
    def backup_id(self) -> str:
        """Its id."""
        return self.reader.stored.backup_id

    @property
    def archive(self) -> str:
        """Where it is stored."""
        return self.reader.storage.location

    @property
    def info(self) -> BackupInfo:
        """Its backup.info."""
        return self.reader.stored.info

    @property
    def is_signed(self) -> bool:
        """Whether a trusted key vouches for info, and so for everything."""
        return self.reader.stored.is_signed

    @property
    def has_outside_config(self) -> bool:
        """Whether it holds configuration from outside the data directory."""
        return self.reader.stored.volumes.config is not None

    @property
    def progress_total(self) -> int:
        """Bytes before compression."""
        return self.reader.stored.ours.plain_size

    def restored(self) -> tuple[int, int]:
        """Files of the manifest, and bytes of their volumes."""
        return self.reader.stored.ours.files, self.reader.stored.ours.plain_size

    def suffixes(self) -> Iterable[str]:
        """How the names of its objects end."""
        return (each.codec for each in self.reader.stored.volumes.objects)

    def sizes(self) -> Iterable[tuple[str, int]]:
        """The volumes before compression, and the manifest."""
        volumes = self.reader.stored.volumes
        for volume in volumes.volumes:
            yield volume.item or DATA_ITEM, volume.plain_size
        yield DATA_ITEM, volumes.manifest.plain_size

    @contextmanager
    def opened(self, data: TargetTree) -> Iterator["OurContent"]:
        """Fetch the manifest and prove it."""
        reader = self.reader
        with staged_manifest(
            reader.storage, reader.stored, reader.decoding, data
        ) as staged:
            yield OurContent(reader, staged)


@dataclass(frozen=True, slots=True)
class OurContent:
    """A BackupContent: what the manifest lists."""

    reader: VolumeReader
    staged: StagedManifest

    @property
    def control_sha256(self) -> str:
        """As the manifest has it."""
        return self.staged.control_sha256.hex()

    def fill(self, filling: Filling) -> None:
        """Write the files, each compared with the manifest."""
        reader, trees = self.reader, filling.trees
        if filling.config is not None:
            with TargetTree(filling.config, owner=trees.data.owner) as config:
                restore_config(reader.storage, reader.stored, reader.decoding, config)

        def restore(files: VolumeFiles, advance: Callable[[int], None]) -> None:
            with trees.place_for(files.volume.item or DATA_ITEM) as place:
                reader.unpack(files, place, advance)
                place.fsync()

        restore_volumes(
            self.staged.volumes(),
            restore,
            jobs=filling.jobs,
            on_progress=filling.on_progress,
        )

    def finish(self, data: TargetTree, guard: RestoredGuard | None) -> None:
        """Write the manifest, which lists the guard as well."""
        write_manifest(data, self.staged, guard)
