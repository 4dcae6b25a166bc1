"""Store one WAL file in the archive, unless it is there already."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudhoard.codec.decoding import Decoding
from cloudhoard.codec.encoding import Encoding, encoded
from cloudhoard.domain.archive_layout import conflicting_partial_key
from cloudhoard.domain.wal_file import WalFileKind
from cloudhoard.operations.archive_identity import ensure_identity
from cloudhoard.operations.local_wal import LocalWal, opened_local_wal
from cloudhoard.operations.restored_copy import refuse_restored_copy
from cloudhoard.operations.wal_partial import ends_inside
from cloudhoard.operations.wal_variants import StoredWal, find_variants
from cloudhoard.spool.archive_memory import Spool
from cloudhoard.storage.errors import ObjectExists
from cloudhoard.storage.protocol import Storage
from cloudhoard.streams import copy_stream

if TYPE_CHECKING:
    from cloudhoard.operations.wal_conflict import WalComparer

_PARTIAL: Final = ".partial"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivingSettings:
    """How WAL files are stored, and how stored ones are compared."""

    encoding: Encoding
    decoding: Decoding
    spool_directory: Path | None = None
    digest_key_file: Path | None = None


def archive_wal(storage: Storage, path: Path, settings: ArchivingSettings) -> None:
    """Have the WAL file at path in the archive, durable, when this returns.

    Nothing that exists is overwritten: the same content is a success, other content
    an error. Other content of a partial segment is stored beside it, as PostgreSQL
    never asks for one and its archiver must not be held up.

    Raises:
        RestoredCopy, ForeignArchive: the archive is not this cluster's to write to.
        WalConflict: the name is taken by other content.
        CloudHoardError, OSError: as opened_local_wal and the storage; what is stored
            then is whole, or nothing.
    """
    with opened_local_wal(path) as wal:
        for warning in wal.warnings:
            _log.warning("%s", warning)
        refuse_restored_copy(wal.data_directory, storage.location)
        spool = Spool.open(
            settings.spool_directory,
            location=storage.location,
            system_identifier=wal.system_identifier,
        )
        ensure_identity(
            storage,
            system_identifier=wal.system_identifier,
            segment_size=wal.segment_size,
            spool=spool,
        )
        _WalArchiver(storage, wal, settings, spool).archive()


class _WalArchiver:
    """One WAL file on its way into an archive that is its cluster's."""

    def __init__(
        self,
        storage: Storage,
        wal: LocalWal,
        settings: ArchivingSettings,
        spool: Spool,
    ) -> None:
        self._storage = storage
        self._wal = wal
        self._settings = settings
        self._spool = spool
        self._suffix = settings.encoding.suffix

    def archive(self) -> None:
        name = self._wal.file.name
        if self._wal.file.kind is WalFileKind.PARTIAL:
            self._archive_partial(name)
        elif ends_inside(self._wal):
            found = find_variants(self._storage, name)
            if not (found and self._comparer().any_is_same(found)):
                self._archive_partial(name + _PARTIAL)
        else:
            self._archive_whole(name)

    def _archive_whole(self, name: str) -> None:
        found = self._store(name)
        if found:
            self._comparer().require_same(found)

    def _archive_partial(self, name: str) -> None:
        found = self._store(name)
        if found and not self._comparer().any_is_same(found):
            key = conflicting_partial_key(name, os.urandom(8).hex()) + self._suffix
            self._write(key)
            _log.warning(
                "%s is in the archive with other content; stored as %s", name, key
            )

    def _store(self, name: str) -> tuple[StoredWal, ...]:
        """Store the file under name, or return the objects that have it already."""
        # Under another suffix it would not be in the way of the creation, which
        # itself finds out, as well as the store allows, whether ours is taken.
        if self._spool.last_suffix != self._suffix:
            found = find_variants(self._storage, name)
            if found:
                return found
        ours = StoredWal(name, self._suffix)
        try:
            self._write(ours.key)
        except ObjectExists:
            return (ours,)
        # Not where the file was found: files before this one may be stored otherwise.
        self._spool.remember_suffix(self._suffix)
        return ()

    def _write(self, key: str) -> None:
        encoding, wal = self._settings.encoding, self._wal
        attributes = self._attributes(key) if encoding.is_encrypted else {}
        wal.content.seek(0)
        with (
            self._storage.open_write(key, at_most=encoding.at_most(wal.size)) as stored,
            encoded(stored, encoding, attributes) as sink,
        ):
            copy_stream(wal.content, sink)
            wal.check_unchanged()

    def _attributes(self, key: str) -> Mapping[str, object]:
        # Unencrypted archives need none of it, and a call is short.
        from cloudhoard.operations.wal_attributes import (  # noqa: PLC0415
            find_digest_key,
            wal_attributes,
        )

        digest_key = find_digest_key(self._wal, self._settings.digest_key_file)
        return wal_attributes(self._wal, key, digest_key)

    def _comparer(self) -> "WalComparer":
        # Names are seldom taken, and comparing needs all of the codec.
        from cloudhoard.operations.wal_conflict import WalComparer  # noqa: PLC0415

        return WalComparer(
            self._storage,
            self._wal,
            self._settings.decoding,
            self._settings.digest_key_file,
        )
