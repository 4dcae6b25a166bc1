"""The manifest of a backup on its way through the target directory.

It is read twice, once to prove it and once along with the volumes, and may be larger
than memory, so it is kept in a file that later becomes the restored one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.domain.archive_layout import DATA_ITEM
from cloudhoard.domain.manifest import ManifestEntry
from cloudhoard.domain.manifest_addition import added_to_manifest
from cloudhoard.domain.manifest_reader import ManifestReader
from cloudhoard.domain.restored_path import (
    MANIFEST_NAME,
    PG_CONTROL,
    TEMPORARY_SUFFIX,
    check_data_path,
    shown_path,
    split_path,
)
from cloudhoard.domain.volume_list import BackupObject
from cloudhoard.errors import InvalidFormat
from cloudhoard.operations.hashed_source import HashedSource
from cloudhoard.operations.read_stored_backup import StoredBackup, missing_object
from cloudhoard.operations.target_tree import TargetTree
from cloudhoard.storage.errors import ObjectNotFound
from cloudhoard.storage.protocol import ReadableStorage
from cloudhoard.streams import ByteSource, copy_stream

STAGED_NAME: Final = MANIFEST_NAME + TEMPORARY_SUFFIX

_TABLESPACES: Final = b"pg_tblspc"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFiles:
    """A volume, and what the manifest says of the files in it."""

    volume: BackupObject
    entries: dict[bytes, ManifestEntry]
    """By the name that the file has in the volume."""


class StagedManifest:
    """A manifest in a temporary file, proved whole."""

    def __init__(self, file: BinaryIO, stored: StoredBackup, control: bytes) -> None:
        self._file = file
        self._stored = stored
        self.control_sha256 = control
        """SHA-256 of global/pg_control, 32 bytes."""

    def volumes(self) -> Iterator[VolumeFiles]:
        """Each volume with its files, in the order of the manifest."""
        entries = self._reader().entries()
        for volume in self._stored.volumes.volumes:
            yield VolumeFiles(volume=volume, entries=_block(entries, volume))

    def write(self, sink: BinaryIO, added: ManifestEntry | None) -> None:
        """Write the manifest to sink, with one more file at its end if given."""
        self._file.seek(0)
        if added is None:
            copy_stream(self._file, sink)
            return
        sink.writelines(added_to_manifest(self._file, added))

    def _reader(self) -> ManifestReader:
        self._file.seek(0)
        return ManifestReader(self._file)


@contextmanager
def staged_manifest(
    storage: ReadableStorage, stored: StoredBackup, decoding: Decoding, tree: TargetTree
) -> Iterator[StagedManifest]:
    """The manifest of a backup, fetched into a file below tree and checked.

    The file is gone after the block.

    Raises:
        DamagedError: it is not the one that backup.info speaks of, or it does not
            fit the volumes.
    """
    with _temporary_file(tree) as file:
        control = _fetch(storage, stored, decoding, file)
        yield StagedManifest(file, stored, control)


@contextmanager
def _temporary_file(tree: TargetTree) -> Iterator[BinaryIO]:
    _remove(tree)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(STAGED_NAME, flags, 0o600, dir_fd=tree.descriptor)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
    finally:
        _remove(tree)


def _remove(tree: TargetTree) -> None:
    try:
        os.unlink(STAGED_NAME, dir_fd=tree.descriptor)
    except FileNotFoundError:
        return


def _fetch(
    storage: ReadableStorage, stored: StoredBackup, decoding: Decoding, file: BinaryIO
) -> bytes:
    manifest = stored.volumes.manifest
    key = stored.volumes.key_of(manifest)
    try:
        with storage.open_read(key) as source:
            hashed = HashedSource(source, key)
            with decoded(
                hashed,
                manifest.codec,
                decoding,
                name=key,
                system_identifier=stored.system_identifier,
                at_most=manifest.plain_size,
            ) as plain:
                control = _prove(ManifestReader(_Copied(plain, file)), stored)
            hashed.check(stored.ours.manifest_sha256)
    except ObjectNotFound as error:
        raise missing_object(key) from error
    file.flush()
    return control


def _prove(reader: ManifestReader, stored: StoredBackup) -> bytes:
    """Read every entry; return the SHA-256 of pg_control."""
    if reader.system_identifier not in {None, stored.system_identifier}:
        raise InvalidFormat("backup_manifest is of another cluster")
    entries = reader.entries()
    control: bytes | None = None
    for volume in stored.volumes.volumes:
        block = _block(entries, volume)
        if sum(entry.size for entry in block.values()) > volume.plain_size:
            raise InvalidFormat(f"{volume.name} cannot hold the files of its manifest")
        if volume.item == DATA_ITEM and PG_CONTROL in block:
            control = block[PG_CONTROL].sha256
    extra = next(entries, None)
    if extra is not None:
        raise InvalidFormat(f"{shown_path(extra.path)} is in no volume")
    if control is None:
        raise InvalidFormat("the manifest lacks global/pg_control")
    return control


def _block(
    entries: Iterator[ManifestEntry], volume: BackupObject
) -> dict[bytes, ManifestEntry]:
    """The entries of one volume, by their names in it."""
    block: dict[bytes, ManifestEntry] = {}
    for entry in islice(entries, volume.files):
        name = _name_in_volume(entry, volume)
        if name in block:
            raise InvalidFormat(f"{shown_path(entry.path)} is twice in the manifest")
        block[name] = entry
    if len(block) != volume.files:
        raise InvalidFormat(f"the manifest ends in the middle of {volume.name}")
    return block


def _name_in_volume(entry: ManifestEntry, volume: BackupObject) -> bytes:
    split_path(entry.path)
    check_data_path(entry.path)
    if entry.sha256 is None:
        raise InvalidFormat(f"{shown_path(entry.path)} has no SHA-256 in the manifest")
    item = volume.item or DATA_ITEM
    if item == DATA_ITEM:
        return entry.path
    prefix = b"%s/%s/" % (_TABLESPACES, item.encode())
    if not entry.path.startswith(prefix):
        raise InvalidFormat(f"{shown_path(entry.path)} cannot be in {volume.name}")
    return entry.path.removeprefix(prefix)


class _Copied:
    """A source whose bytes go into a file as well."""

    def __init__(self, source: ByteSource, file: BinaryIO) -> None:
        self._source = source
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        block = self._source.read(size)
        self._file.write(block)
        return block
