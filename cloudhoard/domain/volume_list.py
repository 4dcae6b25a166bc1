"""volumes.json: every object of a backup, so that each can be checked without a key.

It holds no file names and no hashes of plain content: it is stored in the clear.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from cloudhoard.domain.archive_layout import (
    DATA_ITEM,
    ENCRYPTED,
    backup_prefix,
    config_key,
    is_backup_id,
    is_known_suffix,
    manifest_key,
    parse_volume_key,
)
from cloudhoard.domain.json_object import JsonObject, render_json
from cloudhoard.errors import InvalidFormat

FORMAT_VERSION: Final = 1
LARGEST_VOLUME_LIST: Final = 128 << 20
"""Bytes before compression; room for some 300,000 volumes."""

MOST_FILES_IN_VOLUME: Final = 50_000

_WHAT: Final = "volumes.json"
_LARGEST_SIZE: Final = (1 << 63) - 1
_SHA256: Final = 32
_MOST_KEYS: Final = 16  # as many recipients as an encrypted object may have


class ObjectKind(StrEnum):
    """What an object of a backup is."""

    DATA = "data"
    TABLESPACE = "tablespace"
    CONFIG = "config"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupObject:
    """One object of a backup as it is stored."""

    name: str
    """Its key below the backup's directory, for instance ``data_0001.tar.zst``."""
    kind: ObjectKind
    stored_size: int
    stored_sha256: str
    """Of the stored bytes, 64 hexadecimal digits."""
    plain_size: int
    """Bytes before compression."""
    files: int = 0
    """Of a volume: entries in its block of the manifest. Else what it holds."""
    item: str | None = None
    """Of a volume: ``data``, or the oid of the tablespace."""
    index: int = 0
    """Of a volume: its number within the item."""
    codec: str = ""
    """Suffix of the name that says how it is stored: ``.zst.enc``."""
    key_fingerprints: tuple[str, ...] = ()
    """SHA-256 of each public key it is encrypted to, in hexadecimal."""

    @property
    def is_volume(self) -> bool:
        """Tell whether it holds files that the manifest lists."""
        return self.kind in {ObjectKind.DATA, ObjectKind.TABLESPACE}


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeList:
    """All objects of one backup but this list itself and backup.info.

    The manifest lists the files of one volume after the other, without mixing them,
    in the order of the volumes here: so it can be read along with them.
    """

    backup_id: str
    objects: tuple[BackupObject, ...]

    @property
    def volumes(self) -> tuple[BackupObject, ...]:
        """The volumes in the order of their blocks in the manifest."""
        return tuple(each for each in self.objects if each.is_volume)

    @property
    def manifest(self) -> BackupObject:
        """The object that holds the manifest."""
        return next(each for each in self.objects if each.kind is ObjectKind.MANIFEST)

    @property
    def config(self) -> BackupObject | None:
        """The configuration files outside the data directory, if there were any."""
        found = (each for each in self.objects if each.kind is ObjectKind.CONFIG)
        return next(found, None)

    @property
    def plain_size(self) -> int:
        """Bytes of all volumes before compression."""
        return sum(each.plain_size for each in self.volumes)

    @property
    def stored_size(self) -> int:
        """Bytes of all objects as they are stored."""
        return sum(each.stored_size for each in self.objects)

    @property
    def files(self) -> int:
        """Entries of the manifest."""
        return sum(each.files for each in self.volumes)

    def key_of(self, each: BackupObject) -> str:
        """Return the key of one of the objects."""
        return backup_prefix(self.backup_id) + each.name

    def to_json(self) -> bytes:
        """Return the document, one object a line.

        Raises:
            InvalidFormat: the list could not be read again.
        """
        _check(self)
        lines = ",\n".join(_render(each) for each in self.objects)
        return (
            f'{{"format_version":{FORMAT_VERSION},"backup_id":"{self.backup_id}",'
            f'"objects":[\n{lines}\n]}}\n'
        ).encode()

    @classmethod
    def from_json(cls, data: bytes, *, backup_id: str) -> Self:
        """Read the document of the backup called backup_id.

        Raises:
            InvalidFormat: it is not one, is another backup's, or contradicts itself.
        """
        document = JsonObject.parse(data, _WHAT, at_most=LARGEST_VOLUME_LIST)
        version = document.integer("format_version", smallest=1)
        if version > FORMAT_VERSION:
            raise InvalidFormat(
                f"{_WHAT} has format version {version}, newer than {FORMAT_VERSION},"
                " the newest that this program knows",
                hint="install a newer CloudHoard",
            )
        found = document.text("backup_id")
        if found != backup_id:
            raise InvalidFormat(f"{_WHAT} of backup {backup_id} is of {found[:40]!r}")
        objects = tuple(_parse(each) for each in document.objects("objects"))
        volume_list = cls(backup_id=backup_id, objects=objects)
        _check(volume_list)
        return volume_list


def _render(each: BackupObject) -> str:
    members: dict[str, object] = {"name": each.name, "kind": each.kind.value}
    if each.item is not None:
        members |= {"item": each.item, "index": each.index}
    members |= {
        "stored_size": each.stored_size,
        "stored_sha256": each.stored_sha256,
        "plain_size": each.plain_size,
        "files": each.files,
        "codec": each.codec,
        "key_fingerprints": list(each.key_fingerprints),
    }
    return render_json(members)


def _parse(each: JsonObject) -> BackupObject:
    kind = each.text("kind")
    if kind not in set(ObjectKind):
        raise InvalidFormat(f"{each.what} is of kind {kind[:40]!r}")
    item = each.optional_text("item")
    return BackupObject(
        name=each.text("name"),
        kind=ObjectKind(kind),
        item=item,
        index=0 if item is None else each.integer("index", largest=999_999_999),
        stored_size=each.integer("stored_size", largest=_LARGEST_SIZE),
        stored_sha256=each.hex_digits("stored_sha256", size=_SHA256),
        plain_size=each.integer("plain_size", largest=_LARGEST_SIZE),
        files=each.integer("files", largest=_LARGEST_SIZE),
        codec=each.text("codec"),
        key_fingerprints=each.hex_list(
            "key_fingerprints", size=_SHA256, at_most=_MOST_KEYS
        ),
    )


def _check(volume_list: VolumeList) -> None:
    if not is_backup_id(volume_list.backup_id):
        raise InvalidFormat(f"{_WHAT} is of {volume_list.backup_id[:40]!r}, no backup")
    for each in volume_list.objects:
        _check_object(volume_list.backup_id, each)
    kinds = Counter(each.kind for each in volume_list.objects)
    if kinds[ObjectKind.MANIFEST] != 1 or kinds[ObjectKind.CONFIG] > 1:
        raise InvalidFormat(f"{_WHAT} does not list one manifest")
    _check_numbering(volume_list.volumes)


def _check_object(backup_id: str, each: BackupObject) -> None:
    if not is_known_suffix(each.codec):
        raise InvalidFormat(f"{_WHAT} names the unknown codec {each.codec[:40]!r}")
    if each.codec.endswith(ENCRYPTED) != bool(each.key_fingerprints):
        raise InvalidFormat(f"{_WHAT}: {each.name[:80]!r} is encrypted to no key")
    if each.is_volume and each.files > MOST_FILES_IN_VOLUME:
        raise InvalidFormat(f"{_WHAT}: {each.name[:80]!r} holds {each.files} files")
    if backup_prefix(backup_id) + each.name != _expected_key(backup_id, each):
        raise InvalidFormat(f"{_WHAT} has an object under the name {each.name[:80]!r}")


def _expected_key(backup_id: str, each: BackupObject) -> str | None:
    if each.kind is ObjectKind.MANIFEST:
        return manifest_key(backup_id, encrypted=each.codec.endswith(ENCRYPTED))
    if each.kind is ObjectKind.CONFIG:
        return config_key(backup_id, each.codec)
    key = backup_prefix(backup_id) + each.name
    name = parse_volume_key(key)
    if name is None or (name.item == DATA_ITEM) != (each.kind is ObjectKind.DATA):
        return None
    same = (name.item, name.index, name.suffix) == (each.item, each.index, each.codec)
    return key if same else None


def _check_numbering(volumes: Iterable[BackupObject]) -> None:
    """Each item's volumes are numbered from 0 without a gap, in any order."""
    indexes: dict[str | None, list[int]] = {DATA_ITEM: []}
    for each in volumes:
        indexes.setdefault(each.item, []).append(each.index)
    for item, numbers in indexes.items():
        if sorted(numbers) != list(range(max(1, len(numbers)))):
            raise InvalidFormat(f"{_WHAT}: the volumes of {item} are not all there")
