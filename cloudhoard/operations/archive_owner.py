"""Whose archive it is where it does not say so: by its newest backup or its WAL."""

from typing import Final

from cloudhoard.codec.container_reader import read_header
from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.domain.archive_layout import (
    WalObject,
    backup_info_key,
    is_backup_id,
    parse_wal_key,
    wal_key,
)
from cloudhoard.domain.backup_info import BackupInfo, split_signature
from cloudhoard.domain.wal_header import LONG_HEADER_SIZE, WalHeader
from cloudhoard.errors import CloudHoardError
from cloudhoard.storage.errors import StorageError
from cloudhoard.storage.protocol import ReadableStorage
from cloudhoard.streams import read_exactly

_LARGEST_BACKUP_INFO: Final = 16 << 20
_LARGEST_SEGMENT: Final = 1 << 30


def find_owner(storage: ReadableStorage) -> int | None:
    """The system identifier of the newest backup, else of a segment; None if neither.

    Raises:
        DamagedError: there is WAL, and it cannot be told whose.
        StorageError: the archive cannot be read.
    """
    owner = _owner_by_backup(storage)
    return _owner_by_wal(storage) if owner is None else owner


def _owner_by_backup(storage: ReadableStorage) -> int | None:
    """The system identifier in the newest readable backup.info that has one."""
    names = (info.key.split("/") for info in storage.list_objects("base/"))
    ids = {
        name[1]
        for name in names
        if name[2:] == ["backup.info"] and is_backup_id(name[1])
    }
    for backup_id in sorted(ids, reverse=True):
        try:
            with storage.open_read(backup_info_key(backup_id)) as source:
                data = read_exactly(source, _LARGEST_BACKUP_INFO)
            info = BackupInfo.parse(split_signature(data)[0].decode())
        except StorageError:
            raise
        except (CloudHoardError, UnicodeDecodeError):
            continue
        if info.systemid is not None:
            return int(info.systemid)
    return None


def _owner_by_wal(storage: ReadableStorage) -> int | None:
    """The system identifier in the first segment of the archive."""
    for info in storage.list_objects("wals/"):
        stored = parse_wal_key(info.key)
        if stored and "." not in stored.name:
            return _owner_of(storage, stored)
    return None


def _owner_of(storage: ReadableStorage, stored: WalObject) -> int:
    key = wal_key(stored.name) + stored.suffix
    with storage.open_read(key) as source:
        if stored.suffix.endswith(".enc"):
            return int(read_header(source).system)
        with decoded(
            source,
            stored.suffix,
            Decoding(accept_plain=True),
            name=key,
            system_identifier=None,
            at_most=_LARGEST_SEGMENT,
        ) as plain:
            return WalHeader.parse(
                read_exactly(plain, LONG_HEADER_SIZE)
            ).system_identifier
