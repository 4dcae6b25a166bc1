"""A base backup as barman-cloud stores it: tars, and nothing that lists them.

What there must be follows from the names alone: each item's volumes are numbered from 0
without a gap, and backup.info has the tablespaces.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cloudhoard.domain.archive_layout import (
    DATA_ITEM,
    ENCRYPTED,
    VolumeName,
    backup_prefix,
    config_key,
    manifest_key,
    parse_volume_key,
    started_key,
    volumes_key,
)
from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.errors import DamagedError, InvalidFormat, OperationFailed

_OLDEST_VERSION: Final = 130_000
_SUFFIXES: Final = frozenset({"", ".gz", ".bz2", ".snappy", ".lz4", ".zst"})
_LIKE_A_VOLUME: Final = re.compile(r"(?:data|[1-9][0-9]{0,9})[._].*")
_HINT: Final = "restore it with barman"


@dataclass(frozen=True, slots=True, order=True)
class BarmanVolume:
    """One tar; ordered as barman-cloud has written them, item by item."""

    item: str
    """``data``, or the oid of a tablespace."""
    index: int
    suffix: str
    key: str
    stored_size: int


def check_restorable(backup_id: str, info: BackupInfo) -> None:
    """Refuse what cannot be restored from its objects alone, or not by us.

    Raises:
        OperationFailed: it is such a backup; the message says of which kind.
        InvalidFormat: backup.info lacks what every backup has.
    """
    if info.snapshots_info is not None:
        raise OperationFailed(
            f"backup {backup_id} consists of disk snapshots, which are not here",
            hint="restore it with barman-cloud-restore",
        )
    if info.parent_backup_id is not None:
        raise OperationFailed(
            f"backup {backup_id} is incremental: without {info.parent_backup_id}, which"
            " Barman combines with it, it is no cluster",
            hint=_HINT,
        )
    if info.encryption is not None:
        raise OperationFailed(
            f"backup {backup_id} was encrypted by Barman ({info.encryption})",
            hint=_HINT,
        )
    if info.version is None or info.begin_xlog is None:
        raise InvalidFormat(f"backup.info of {backup_id} lacks version or begin_xlog")
    if info.version < _OLDEST_VERSION:
        raise OperationFailed(
            f"backup {backup_id} is of a PostgreSQL before 13"
            f" (server_version_num {info.version})",
            hint=_HINT,
        )


def barman_volumes(
    backup_id: str, info: BackupInfo, objects: Iterable[tuple[str, int]]
) -> tuple[BarmanVolume, ...]:
    """Return the volumes in order; objects are keys and sizes of all that is stored.

    Raises:
        DamagedError: a volume is missing as far as that can be told, is there twice,
            or is of something that backup.info does not have.
    """
    found: dict[str, list[BarmanVolume]] = {DATA_ITEM: []}
    found |= {str(each.oid): [] for each in info.tablespaces}
    for key, size in objects:
        volume = _volume(backup_id, key, size)
        if volume is None:
            continue
        if volume.item not in found:
            raise DamagedError(
                f"{key}: backup.info knows no tablespace {volume.item}, so that it does"
                " not belong to this backup"
            )
        found[volume.item].append(volume)
    for item, volumes in found.items():
        volumes.sort()
        _check_numbers(backup_id, item, volumes)
    return tuple(volume for volumes in found.values() for volume in volumes)


def outside_config_names(info: BackupInfo) -> frozenset[bytes]:
    """Return the names in the data directory of files that were not in it.

    barman-cloud stores the three main configuration files beside PG_VERSION then.
    """
    return frozenset(
        posixpath.basename(path).encode()
        for path in (info.config_file, info.hba_file, info.ident_file)
        if path is not None and not _is_inside(path, info.pgdata)
    )


def _is_inside(path: str, directory: str | None) -> bool:
    return directory is None or path.startswith(directory.rstrip("/") + "/")


def _volume(backup_id: str, key: str, size: int) -> BarmanVolume | None:
    name = parse_volume_key(key)
    if _is_ours(backup_id, key, name):
        raise InvalidFormat(
            f"{key} is CloudHoard's, and backup.info lacks the line that goes with it"
        )
    if name is not None and name.suffix in _SUFFIXES:
        return BarmanVolume(name.item, name.index, name.suffix, key, size)
    last = key.removeprefix(backup_prefix(backup_id))
    if "/" not in last and _LIKE_A_VOLUME.fullmatch(last):
        raise DamagedError(f"{key} is called like a volume, and is none of barman's")
    return None


def _is_ours(backup_id: str, key: str, name: VolumeName | None) -> bool:
    """Whether barman-cloud stores nothing under that key, and we do."""
    if name is not None:
        return name.suffix.endswith(ENCRYPTED)
    return key in {
        started_key(backup_id),
        volumes_key(backup_id),
        manifest_key(backup_id, encrypted=False),
        manifest_key(backup_id, encrypted=True),
    } or key.startswith(config_key(backup_id, ""))


def _check_numbers(backup_id: str, item: str, volumes: list[BarmanVolume]) -> None:
    numbers = [volume.index for volume in volumes]
    expected = list(range(max(1, len(set(numbers)))))
    if numbers == expected:
        return
    missing = sorted(set(expected) - set(numbers))
    if missing:
        what = f"volume {missing[0]} of {item} is missing"
    else:
        twice = next(n for n in numbers if numbers.count(n) > 1)
        what = f"volume {twice} of {item} is there in two compressions"
    raise DamagedError(f"base/{backup_id}: {what}")
