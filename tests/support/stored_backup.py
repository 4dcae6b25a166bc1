"""Backups put together by hand, honest or forged, through codec and storage only."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding, StoredObject, encoded
from cloudhoard.domain.archive_identity import ArchiveIdentity
from cloudhoard.domain.archive_layout import (
    DATA_ITEM,
    IDENTITY_KEY,
    backup_info_key,
    config_key,
    manifest_key,
    volume_key,
    volumes_key,
)
from cloudhoard.domain.backup_info import (
    SIGNATURE_CONTEXT,
    BackupInfo,
    BackupSignature,
    BackupStatus,
    CloudHoardInfo,
    Tablespace,
    append_signature,
)
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.manifest import ManifestEntry, ManifestWriter, WalRange
from cloudhoard.domain.volume_list import BackupObject, ObjectKind, VolumeList
from cloudhoard.operations.tar_header import (
    END_OF_TAR,
    directory_header,
    file_header,
    padding_after,
)
from cloudhoard.storage.backends.local import LocalStorage
from cloudhoard.storage.protocol import Storage

SYSTEM: Final = 7_710_490_735_113_798_557
BACKUP_ID: Final = "20261121T052227"
STARTED: Final = datetime(2026, 11, 21, 5, 22, 27, tzinfo=UTC)
STOPPED: Final = datetime(2026, 11, 21, 5, 23, tzinfo=UTC)
STOP_LSN: Final = Lsn(0x3000100)
PLAIN: Final = Encoding(Compression("zstd", 3))
CONTROL: Final = b"control" * 1170
STATUS: Final = os.stat_result((0o100600, 0, 0, 1, 0, 0, 0, 0, 1_795_238_547, 0))

FILES: Final[Mapping[bytes, bytes]] = {
    b"PG_VERSION": b"15\n",
    b"postgresql.conf": b"# nothing\n",
    b"postgresql.auto.conf": b"work_mem = '8MB'\n",
    b"base/5/1259": b"pg_class" * 1024,
    b"base/5/2619": b"",
    b"global/1262": b"pg_database",
}
LAST_FILES: Final[Mapping[bytes, bytes]] = {
    b"backup_label": b"START WAL LOCATION: 0/3000028\n",
    b"global/pg_control": CONTROL,
}


def file_member(name: bytes, content: bytes) -> bytes:
    """Return a regular file of a tar, whole."""
    header = file_header(name, len(content), STATUS)
    return header + content + bytes(padding_after(len(content)))


def directory_member(name: bytes) -> bytes:
    """Return a directory of a tar."""
    return directory_header(name, STATUS, mode=0o700)


def entry(path: bytes, content: bytes) -> ManifestEntry:
    """Return what an honest manifest says of a file."""
    return ManifestEntry(path, len(content), STARTED, hashlib.sha256(content).digest())


@dataclass
class Volume:
    """One volume, as it goes into the archive."""

    members: list[bytes]
    entries: list[ManifestEntry]
    item: str = DATA_ITEM
    end: bytes = END_OF_TAR

    @classmethod
    def of(
        cls,
        files: Mapping[bytes, bytes],
        *,
        item: str = DATA_ITEM,
        directories: Sequence[bytes] = (),
    ) -> "Volume":
        """Return an honest volume."""
        prefix = b"" if item == DATA_ITEM else b"pg_tblspc/%s/" % item.encode()
        return cls(
            [
                *(directory_member(name) for name in directories),
                *(file_member(name, content) for name, content in files.items()),
            ],
            [entry(prefix + name, content) for name, content in files.items()],
            item,
        )

    @property
    def tar(self) -> bytes:
        return b"".join((*self.members, self.end))


def first_volume(files: Mapping[bytes, bytes] = FILES) -> Volume:
    """Return how the data directory's volumes begin."""
    return Volume.of(files, directories=[b".", b"pg_tblspc", b"pg_wal", b"pg_notify"])


def last_volume() -> Volume:
    """Return how they end."""
    return Volume.of(LAST_FILES)


@dataclass
class HandMadeBackup:
    """A backup that store() writes; what a test changes before is forged in full:
    every hash further up agrees with it."""

    volumes: list[Volume] = field(
        default_factory=lambda: [first_volume(), last_volume()]
    )
    tablespaces: tuple[Tablespace, ...] = ()
    config: bytes | None = None
    """A tar."""
    encoding: Encoding = PLAIN
    backup_id: str = BACKUP_ID
    stopped_at: datetime = STOPPED
    timeline: int = 1
    stop_lsn: Lsn = STOP_LSN
    alter_info: Callable[[BackupInfo], BackupInfo] = lambda info: info
    alter_list: Callable[[VolumeList], VolumeList] = lambda volumes: volumes
    alter_manifest: Callable[[bytes], bytes] = lambda text: text
    list_padding: int = 0
    """Spaces behind the volume list."""
    info_bytes: bytes | None = None
    """What stands in backup.info's place."""
    signed: bool = True
    """Whether backup.info is signed, where the encoding has a signer."""

    def store(self, storage: Storage) -> None:
        """Write all of it, and the archive's identity if it lacks one."""
        identity = ArchiveIdentity(system_identifier=SYSTEM, segment_size=16 << 20)
        put(storage, IDENTITY_KEY, identity.to_json(), overwrite=True)
        objects = [*self._store_volumes(storage), self._store_manifest(storage)]
        if self.config is not None:
            objects.append(self._store_config(storage, self.config))
        volumes = self.alter_list(
            VolumeList(backup_id=self.backup_id, objects=tuple(objects))
        )
        key = volumes_key(self.backup_id)
        text = volumes.to_json() + b" " * self.list_padding
        listed = store_object(storage, key, text, PLAIN)
        info = self.alter_info(self._info(volumes, listed))
        content = self._signed(info) if self.info_bytes is None else self.info_bytes
        put(storage, backup_info_key(self.backup_id), content)

    def _store_volumes(self, storage: Storage) -> list[BackupObject]:
        numbers: dict[str, int] = {}
        objects = []
        for volume in self.volumes:
            index = numbers.setdefault(volume.item, 0)
            numbers[volume.item] += 1
            suffix = self.encoding.suffix
            key = volume_key(self.backup_id, volume.item, index, suffix)
            data = volume.item == DATA_ITEM
            objects.append(
                replace(
                    self._object(storage, key, volume.tar, self.encoding),
                    kind=ObjectKind.DATA if data else ObjectKind.TABLESPACE,
                    item=volume.item,
                    index=index,
                    files=len(volume.entries),
                )
            )
        return objects

    def _store_manifest(self, storage: Storage) -> BackupObject:
        encoding = replace(self.encoding, compression=PLAIN.compression)
        key = manifest_key(self.backup_id, encrypted=encoding.is_encrypted)
        writer = ManifestWriter(1, SYSTEM)
        text = b"".join(
            [
                writer.begin(),
                *(writer.entries(volume.entries) for volume in self.volumes),
                writer.finish([WalRange(self.timeline, Lsn(0x3000028), self.stop_lsn)]),
            ]
        )
        stored = self._object(storage, key, self.alter_manifest(text), encoding)
        return replace(stored, kind=ObjectKind.MANIFEST)

    def _store_config(self, storage: Storage, tar: bytes) -> BackupObject:
        key = config_key(self.backup_id, self.encoding.suffix)
        stored = self._object(storage, key, tar, self.encoding)
        return replace(stored, kind=ObjectKind.CONFIG)

    def _object(
        self, storage: Storage, key: str, content: bytes, encoding: Encoding
    ) -> BackupObject:
        stored = store_object(storage, key, content, encoding)
        return BackupObject(
            name=key.rpartition("/")[2],
            kind=ObjectKind.DATA,
            stored_size=stored.stored_size,
            stored_sha256=stored.stored_sha256,
            plain_size=stored.plain_size,
            codec=encoding.suffix,
            key_fingerprints=tuple(
                key.fingerprint.hex() for key in encoding.recipients
            ),
        )

    def _info(self, volumes: VolumeList, listed: StoredObject) -> BackupInfo:
        return BackupInfo(
            status=BackupStatus.DONE,
            begin_time=STARTED,
            begin_wal=f"{self.timeline:08X}0000000000000003",
            begin_xlog=Lsn(0x3000028),
            end_time=self.stopped_at,
            end_wal=f"{self.timeline:08X}0000000000000003",
            end_xlog=self.stop_lsn,
            pgdata="/srv/pg/data",
            server_name="cloud",
            systemid=SYSTEM,
            tablespaces=self.tablespaces,
            timeline=self.timeline,
            version=150020,
            cloudhoard=CloudHoardInfo(
                backup_id=self.backup_id,
                tool_version="0.1",
                run_id="0123456789abcdef",
                plain_size=volumes.plain_size,
                stored_size=volumes.stored_size + listed.stored_size,
                files=volumes.files,
                key_fingerprints=volumes.manifest.key_fingerprints,
                volumes_sha256=listed.stored_sha256,
                manifest_sha256=volumes.manifest.stored_sha256,
            ),
        )

    def _signed(self, info: BackupInfo) -> bytes:
        body = info.render().encode()
        signer = self.encoding.signer
        if signer is None or not self.signed:
            return body
        signature = signer.sign(body, SIGNATURE_CONTEXT)
        return append_signature(
            body, BackupSignature(signer.fingerprint.hex(), signature)
        )


def store_object(
    storage: Storage, key: str, content: bytes, encoding: Encoding
) -> StoredObject:
    """Write one object through the codec, as if for the name key."""
    attributes = {"name": key, "system": str(SYSTEM)}
    at_most = encoding.at_most(len(content))
    with (
        storage.open_write(key, at_most=at_most) as stored,
        encoded(stored, encoding, attributes) as sink,
    ):
        sink.write(content)
    return sink.result


def put(storage: Storage, key: str, content: bytes, *, overwrite: bool = False) -> None:
    """Write one object as it is."""
    with storage.open_write(key, at_most=len(content), overwrite=overwrite) as sink:
        sink.write(content)


def archive_below(container: Path, server: str = "main") -> Storage:
    """Open an archive in a directory, which is made."""
    container.mkdir(exist_ok=True)
    return LocalStorage(str(container), server)


def all_paths(directory: Path) -> set[str]:
    """Return everything below directory, links as such, relative to it."""
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}
