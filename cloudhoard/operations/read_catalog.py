"""What backups an archive holds: one listing, then one small read for each of them."""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from cloudhoard.domain.archive_layout import (
    BACKUPS_PREFIX,
    backup_id_of,
    backup_info_key,
    backup_prefix,
    deleting_key,
    is_backup_id,
    keep_key,
    parse_volume_key,
    started_key,
)
from cloudhoard.domain.backup import Backup, StartedMarker, parse_keep
from cloudhoard.domain.backup_info import LARGEST_BACKUP_INFO, BackupInfo
from cloudhoard.domain.catalog import Catalog
from cloudhoard.domain.started_marker import LARGEST_STARTED
from cloudhoard.errors import DamagedError, InvalidFormat
from cloudhoard.operations.backup_signature import check_signature
from cloudhoard.storage.errors import ObjectNotFound
from cloudhoard.storage.protocol import ObjectInfo, ReadableStorage
from cloudhoard.streams import read_exactly

if TYPE_CHECKING:
    # Its import takes longer than all the rest of a plain listing.
    from cloudhoard.codec.decoding import Decoding

_READERS: Final = 8
_LARGEST_KEEP: Final = 1 << 12

_Read = TypeVar("_Read")
_log = logging.getLogger(__name__)


def read_catalog(storage: ReadableStorage, *, trust: "Decoding | None") -> Catalog:
    """Return the catalog of the archive storage.

    A backup.info that cannot be read, or is not signed by one of trust's signers
    where it has any, makes its own backup UNREADABLE and leaves the others alone.

    Raises:
        StorageError: the archive cannot be listed, or an object not be fetched.
    """
    return _read(storage, BACKUPS_PREFIX, trust)


def find_backup(
    storage: ReadableStorage, text: str, *, trust: "Decoding | None"
) -> Backup:
    """Return the backup that text names, as Catalog.resolve does.

    An id costs two requests, however many backups there are.
    """
    prefix = backup_prefix(text) if is_backup_id(text) else BACKUPS_PREFIX
    return _read(storage, prefix, trust).resolve(text)


@dataclass(slots=True)
class _Directory:
    """What the listing shows under one backup id."""

    stored_size: int = 0
    has_info: bool = False
    has_started: bool = False
    has_keep: bool = False
    has_volumes: bool = False
    last_stored: datetime | None = None
    deletion_begun: datetime | None = None

    @property
    def is_backup(self) -> bool:
        """Whether it is more than an annotation that a deletion left behind."""
        is_deleting = self.deletion_begun is not None
        return self.has_info or self.has_started or is_deleting or self.has_volumes

    def add(self, backup_id: str, found: ObjectInfo) -> None:
        self.stored_size += found.size
        self.has_info |= found.key == backup_info_key(backup_id)
        self.has_started |= found.key == started_key(backup_id)
        self.has_keep |= found.key == keep_key(backup_id)
        if found.key == deleting_key(backup_id):
            self.deletion_begun = found.modified
        elif self.last_stored is None or found.modified > self.last_stored:
            self.last_stored = found.modified
        self.has_volumes |= parse_volume_key(found.key) is not None


def _read(storage: ReadableStorage, prefix: str, trust: "Decoding | None") -> Catalog:
    directories = _directories(storage.list_objects(prefix))
    pool = ThreadPoolExecutor(_READERS, thread_name_prefix="catalog")
    try:
        backups = pool.map(
            lambda backup_id: _backup(
                storage, backup_id, directories[backup_id], trust
            ),
            directories,
        )
        catalog = Catalog(backups)
    finally:
        pool.shutdown(cancel_futures=True)
    for backup in catalog.backups:
        if backup.problem is not None:
            _log.warning("backup %s: %s", backup.backup_id, backup.problem)
    return catalog


def _directories(objects: Iterable[ObjectInfo]) -> dict[str, _Directory]:
    found: dict[str, _Directory] = {}
    for each in objects:
        backup_id = backup_id_of(each.key)
        if backup_id is not None:
            found.setdefault(backup_id, _Directory()).add(backup_id, each)
    return {key: directory for key, directory in found.items() if directory.is_backup}


def _backup(
    storage: ReadableStorage,
    backup_id: str,
    directory: _Directory,
    trust: "Decoding | None",
) -> Backup:
    backup = Backup(
        backup_id=backup_id,
        has_info=directory.has_info,
        stored_size=directory.stored_size,
        last_stored=directory.last_stored,
        deletion_begun=directory.deletion_begun,
    )
    if directory.has_keep:
        key = keep_key(backup_id)
        keep = _fetch(storage, key, _LARGEST_KEEP, parse_keep)
        backup = replace(backup, keep=keep)
    try:
        if directory.has_info:
            return _with_info(storage, backup, trust)
        if directory.has_started:
            return replace(backup, started=_started(storage, backup_id))
    except DamagedError as error:
        backup = replace(backup, problem=error.message)
        if directory.has_info and directory.has_started:
            # It may say at least which WAL the backup needs.
            with suppress(DamagedError):
                return replace(backup, started=_started(storage, backup_id))
    return backup


def _with_info(
    storage: ReadableStorage, backup: Backup, trust: "Decoding | None"
) -> Backup:
    def trusted(data: bytes) -> BackupInfo:
        check_signature(data, trust)
        info = BackupInfo.from_bytes(data)
        ours = info.cloudhoard
        if ours is not None and ours.backup_id != backup.backup_id:
            raise InvalidFormat(f"backup.info is of backup {ours.backup_id}")
        return info

    key = backup_info_key(backup.backup_id)
    info = _fetch(storage, key, LARGEST_BACKUP_INFO + 1, trusted)
    # None: somebody deleted it since the listing.
    return replace(backup, info=info, has_info=info is not None)


def _started(storage: ReadableStorage, backup_id: str) -> StartedMarker | None:
    return _fetch(
        storage,
        started_key(backup_id),
        LARGEST_STARTED + 1,
        lambda data: StartedMarker.from_json(data, backup_id=backup_id),
    )


def _fetch(
    storage: ReadableStorage, key: str, at_most: int, parse: Callable[[bytes], _Read]
) -> _Read | None:
    try:
        with storage.open_read(key) as source:
            data = read_exactly(source, at_most)
    except ObjectNotFound:
        return None
    return parse(data)
