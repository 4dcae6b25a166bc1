"""What PostgreSQL's control file, ``global/pg_control``, says about a cluster."""

import struct
from bisect import bisect_left
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, Self

from cloudhoard.domain.crc32c import crc32c
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.wal import is_valid_segment_size
from cloudhoard.errors import InvalidFormat

# src/include/catalog/pg_control.h, ControlFileData on 64-bit little-endian machines.
# Up to the mock authentication nonce the fields that we read did not move from 13 on.
_HEAD: Final = struct.Struct("<QII I4xqQ")
"""System identifier, control version, catalog version; state, time, checkpoint."""
_CHECKPOINT_COPY: Final = struct.Struct("<QI")
"""Redo position and timeline of the last checkpoint."""
_CHECKPOINT_AT: Final = _HEAD.size
_MIN_RECOVERY: Final = struct.Struct("<QI")
_MIN_RECOVERY_AT: Final = 136
_SIZES: Final = struct.Struct("<4I")
"""Block size, blocks per file, WAL block size, WAL segment size."""
_SIZES_AT: Final = 216
_CHECKSUMS: Final = struct.Struct("<I")
_CHECKSUMS_AT: Final = 252
_NONCE_SIZE: Final = 32
_CRC: Final = struct.Struct("<I")


class _Version(NamedTuple):
    """A layout of the control file and the releases that have it."""

    nonce_at: int
    crc_at: int
    catalogs: tuple[int, ...]
    """Catalog versions of the releases; their pre-releases have lower ones."""
    majors: tuple[int, ...]


_VERSIONS: Final = {
    1300: _Version(
        256, 288, (202007201, 202107181, 202209061, 202307071), (13, 14, 15, 16)
    ),
    1700: _Version(256, 288, (202406281,), (17,)),
    1800: _Version(257, 292, (202506291,), (18,)),
}


class ClusterState(IntEnum):
    """What the cluster was doing (pg_control.h, ``DBState``)."""

    STARTING_UP = 0
    SHUT_DOWN = 1
    SHUT_DOWN_IN_RECOVERY = 2
    SHUTTING_DOWN = 3
    IN_CRASH_RECOVERY = 4
    IN_ARCHIVE_RECOVERY = 5
    IN_PRODUCTION = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlData:
    """The control file of a cluster of PostgreSQL 13 to 18."""

    system_identifier: int
    control_version: int
    catalog_version: int
    major: int
    """PostgreSQL's version."""
    state: ClusterState
    timeline: int
    """Of the last checkpoint, as is redo_lsn."""
    checkpoint_lsn: Lsn
    redo_lsn: Lsn
    """Where replay begins."""
    min_recovery_lsn: Lsn
    """How far a recovery must go before the cluster is consistent; 0/0 if anywhere."""
    min_recovery_timeline: int
    """Of min_recovery_lsn; 0 where that is 0/0."""
    segment_size: int
    """Of WAL, in bytes."""
    block_size: int
    """Of a data page, in bytes."""
    data_checksums: int
    """Version of the data page checksums, 0 when they are off."""
    mock_authentication_nonce: bytes = field(repr=False)
    """32 random bytes of initdb, shared by all physical copies; in no message."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the content of a control file; its first 296 bytes will do.

        Raises:
            InvalidFormat: data is cut short or torn, its checksum is wrong, or its
                version is not known.
        """
        version = _checked_version(data)
        system, control, catalog, state, _, checkpoint = _HEAD.unpack_from(data)
        redo, timeline = _CHECKPOINT_COPY.unpack_from(data, _CHECKPOINT_AT)
        min_lsn, min_timeline = _MIN_RECOVERY.unpack_from(data, _MIN_RECOVERY_AT)
        block_size, _, _, segment_size = _SIZES.unpack_from(data, _SIZES_AT)
        (checksums,) = _CHECKSUMS.unpack_from(data, _CHECKSUMS_AT)
        if not is_valid_segment_size(segment_size):
            raise InvalidFormat(f"the control file has WAL segment size {segment_size}")
        return cls(
            system_identifier=system,
            control_version=control,
            catalog_version=catalog,
            major=_major(version, control, catalog),
            state=_state(state),
            timeline=timeline,
            checkpoint_lsn=Lsn(checkpoint),
            redo_lsn=Lsn(redo),
            min_recovery_lsn=Lsn(min_lsn),
            min_recovery_timeline=min_timeline,
            segment_size=segment_size,
            block_size=block_size,
            data_checksums=checksums,
            mock_authentication_nonce=data[version.nonce_at :][:_NONCE_SIZE],
        )


def _checked_version(data: bytes) -> _Version:
    """The layout of data, which is long enough for it and has the right checksum."""
    if len(data) < _HEAD.size:
        raise InvalidFormat("the control file is cut short")
    number: int = _HEAD.unpack_from(data)[1]
    version = _VERSIONS.get(number)
    if version is None:
        raise InvalidFormat(
            f"the control file has version {number}, not one of PostgreSQL 13 to 18"
        )
    if len(data) < version.crc_at + _CRC.size:
        raise InvalidFormat("the control file is cut short")
    (stored,) = _CRC.unpack_from(data, version.crc_at)
    if crc32c(data[: version.crc_at]) != stored:
        raise InvalidFormat("the control file's checksum is wrong")
    return version


def _major(version: _Version, control: int, catalog: int) -> int:
    index = bisect_left(version.catalogs, catalog)
    if index == len(version.majors):
        raise InvalidFormat(
            f"the control file has version {control} and catalog version {catalog},"
            " which no release of PostgreSQL has"
        )
    return version.majors[index]


def _state(number: int) -> ClusterState:
    try:
        return ClusterState(number)
    except ValueError as error:
        raise InvalidFormat(f"the control file has cluster state {number}") from error
