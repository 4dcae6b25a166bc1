"""One complete backup as the archive has it, proved from its commit downwards."""

from dataclasses import dataclass
from typing import Final

from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.domain.archive_layout import (
    backup_info_key,
    backup_prefix,
    volumes_key,
)
from cloudhoard.domain.backup_info import (
    LARGEST_BACKUP_INFO,
    BackupInfo,
    BackupStatus,
    CloudHoardInfo,
)
from cloudhoard.domain.volume_list import (
    LARGEST_VOLUME_LIST,
    ObjectKind,
    VolumeList,
)
from cloudhoard.errors import DamagedError, InvalidFormat, OperationFailed
from cloudhoard.operations.backup_signature import check_signature
from cloudhoard.operations.hashed_source import HashedSource
from cloudhoard.storage.errors import ObjectNotFound
from cloudhoard.storage.protocol import ReadableStorage
from cloudhoard.streams import read_exactly

_PLAIN: Final = Decoding()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBackup:
    """A backup whose commit and volume list hold together."""

    info: BackupInfo
    ours: CloudHoardInfo
    """``info.cloudhoard``, which is there."""
    system_identifier: int
    volumes: VolumeList
    is_signed: bool
    """Whether a trusted key has signed backup.info."""

    @property
    def backup_id(self) -> str:
        """Its id."""
        return self.volumes.backup_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The backup.info of a complete backup, whoever wrote it."""

    backup_id: str
    info: BackupInfo
    is_signed: bool
    """Whether a trusted key has signed it."""


def read_commit(storage: ReadableStorage, backup_id: str, decoding: Decoding) -> Commit:
    """Read the backup.info of a complete backup.

    Raises:
        OperationFailed: there is no such backup, or it failed.
        DamagedError: backup.info cannot be read, or nobody we trust has signed it.
    """
    data = _backup_info(storage, backup_id)
    is_signed = check_signature(data, decoding)
    info = BackupInfo.from_bytes(data)
    if info.status is not BackupStatus.DONE:
        raise OperationFailed(
            f"backup {backup_id} is not complete, its status is {info.status}",
            hint="choose another one, see cloudhoard-backup-list",
        )
    return Commit(backup_id=backup_id, info=info, is_signed=is_signed)


def read_stored_backup(
    storage: ReadableStorage, commit: Commit, ours: CloudHoardInfo
) -> StoredBackup:
    """Read volumes.json, and see that every object is there; ours is commit's.

    Raises:
        DamagedError: a hash or a size is not what it must be.
    """
    info, backup_id = commit.info, commit.backup_id
    if ours.backup_id != backup_id:
        raise InvalidFormat(
            f"{backup_info_key(backup_id)} is of backup {ours.backup_id}"
        )
    volumes = _volume_list(storage, backup_id, ours)
    _check_totals(info, ours, volumes)
    _check_listing(storage, volumes)
    return StoredBackup(
        info=info,
        ours=ours,
        system_identifier=system_identifier_of(commit),
        volumes=volumes,
        is_signed=commit.is_signed,
    )


def system_identifier_of(commit: Commit) -> int:
    """Whose backup it is.

    Raises:
        InvalidFormat: backup.info does not say.
    """
    if commit.info.systemid is None:
        raise InvalidFormat(f"backup.info of {commit.backup_id} has no systemid")
    return commit.info.systemid


def _backup_info(storage: ReadableStorage, backup_id: str) -> bytes:
    try:
        with storage.open_read(backup_info_key(backup_id)) as source:
            return read_exactly(source, LARGEST_BACKUP_INFO + 1)
    except ObjectNotFound as error:
        raise OperationFailed(
            f"there is no complete backup {backup_id} in {storage.location}",
            hint="see cloudhoard-backup-list",
        ) from error


def _volume_list(
    storage: ReadableStorage, backup_id: str, ours: CloudHoardInfo
) -> VolumeList:
    key = volumes_key(backup_id)
    try:
        with storage.open_read(key) as stored:
            source = HashedSource(stored, key)
            with decoded(
                source,
                ".zst",
                _PLAIN,
                name=key,
                system_identifier=None,
                at_most=LARGEST_VOLUME_LIST,
            ) as plain:
                data = read_exactly(plain, LARGEST_VOLUME_LIST + 1)
            source.check(ours.volumes_sha256)
    except ObjectNotFound as error:
        raise missing_object(key) from error
    return VolumeList.from_json(data, backup_id=backup_id)


def _check_totals(info: BackupInfo, ours: CloudHoardInfo, volumes: VolumeList) -> None:
    if ours.files != volumes.files or ours.plain_size != volumes.plain_size:
        raise InvalidFormat(
            f"backup {volumes.backup_id} has {volumes.files} files of"
            f" {volumes.plain_size} bytes in its volumes, its backup.info says"
            f" {ours.files} of {ours.plain_size}"
        )
    listed = {each.item for each in volumes.volumes}
    known = {"data", *(str(each.oid) for each in info.tablespaces)}
    if listed != known:
        raise InvalidFormat(
            f"backup {volumes.backup_id} has volumes of"
            f" {', '.join(sorted(str(item) for item in listed ^ known))}"
            " and no such tablespace, or the other way round"
        )


def _check_listing(storage: ReadableStorage, volumes: VolumeList) -> None:
    """See that every object is there with its size, by one LIST."""
    prefix = backup_prefix(volumes.backup_id)
    sizes = {found.key: found.size for found in storage.list_objects(prefix)}
    for each in volumes.objects:
        key = volumes.key_of(each)
        if each.kind is ObjectKind.CONFIG:
            continue
        if key not in sizes:
            raise missing_object(key)
        if sizes[key] != each.stored_size:
            raise DamagedError(
                f"{key} has {sizes[key]} bytes, it was stored with {each.stored_size}"
            )


def missing_object(key: str) -> DamagedError:
    """The error for an object that a complete backup must have."""
    return DamagedError(f"{key} is missing, though the backup is complete")
