"""The first page header of a WAL segment: which cluster and which place it is from."""

import struct
from dataclasses import dataclass
from typing import Final, Self

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.timeline import TimelineHistory
from cloudhoard.domain.wal import WalSegment, is_valid_segment_size
from cloudhoard.domain.wal_file import WalFile
from cloudhoard.errors import InvalidFormat, OperationFailed

# src/include/access/xlog_internal.h, XLogLongPageHeaderData: magic, info, timeline,
# page address, remaining length, padding; system identifier, segment size, block size.
_LAYOUT: Final = struct.Struct("<HHIQI4xQII")

LONG_HEADER_SIZE: Final = _LAYOUT.size
"""Bytes at the start of a segment that WalHeader.parse wants."""

_LONG_HEADER: Final = 0x0002
"""The info bit that is set on the first page of a segment and on no other."""

_MAJOR_OF_MAGIC: Final = {
    0xD106: 13,
    0xD10D: 14,
    0xD110: 15,
    0xD113: 16,
    0xD116: 17,
    0xD118: 18,
}
_NEWEST_MAGIC: Final = max(_MAJOR_OF_MAGIC)
_LAST_MAGIC: Final = 0xD1FF
"""PostgreSQL counts its magic up with each change of the format."""


class WalMismatch(OperationFailed):
    """A WAL file's content is not what its name, or its archive, says."""


@dataclass(frozen=True, slots=True)
class WalHeader:
    """What the first page of a segment says about it."""

    magic: int
    major: int | None
    """PostgreSQL's version; None for a newer one than we know."""
    timeline: int
    """At most that of the file's name: a timeline begins with a copy of the former."""
    page_address: Lsn
    system_identifier: int
    segment_size: int
    """In bytes."""
    block_size: int
    """Of a WAL page, in bytes."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the header from the first LONG_HEADER_SIZE bytes of a segment.

        Raises:
            InvalidFormat: data is shorter, or no WAL of PostgreSQL 13 or later.
        """
        if len(data) < LONG_HEADER_SIZE:
            raise InvalidFormat(f"{len(data)} bytes are too few for a WAL segment")
        magic, info, timeline, address, _, system, segment_size, block_size = (
            _LAYOUT.unpack_from(data)
        )
        major = _MAJOR_OF_MAGIC.get(magic)
        if major is None and not _NEWEST_MAGIC < magic <= _LAST_MAGIC:
            raise InvalidFormat(
                f"no WAL of PostgreSQL 13 or later begins with magic {magic:04X}"
            )
        if not info & _LONG_HEADER or not is_valid_segment_size(segment_size):
            raise InvalidFormat("the first page is not that of a WAL segment")
        return cls(
            magic, major, timeline, Lsn(address), system, segment_size, block_size
        )


def check_segment_header(
    header: WalHeader,
    file: WalFile,
    *,
    file_size: int,
    system_identifier: int,
    history: TimelineHistory | None,
) -> tuple[str, ...]:
    """Return warnings if header may stand in file, a segment or a partial one.

    system_identifier is the cluster's that the file must be from, file_size in bytes,
    history that of the file's timeline where it is at hand.

    Raises:
        WalMismatch: header is that of another segment; the message has both values.
        InvalidWalName: with this segment size no segment has the file's name.
    """
    name = file.name
    if header.system_identifier != system_identifier:
        raise WalMismatch(
            f"{name} is from system {header.system_identifier}, not {system_identifier}"
        )
    if file_size != header.segment_size:
        raise WalMismatch(
            f"{name} has {file_size} bytes, its segment size is {header.segment_size}"
        )
    segment = WalSegment.parse(
        file.segment_name or name, segment_size=header.segment_size
    )
    if header.page_address != segment.start_lsn:
        raise WalMismatch(
            f"{name} holds WAL from {header.page_address}, not {segment.start_lsn}"
        )
    _check_timeline(header, file, history)
    return _warnings(header, name)


def _check_timeline(
    header: WalHeader, file: WalFile, history: TimelineHistory | None
) -> None:
    if header.timeline == file.timeline:
        return
    if not 0 < header.timeline < file.timeline:
        raise WalMismatch(
            f"{file.name} holds WAL of timeline {header.timeline},"
            f" not of {file.timeline} or before"
        )
    if history is not None and not history.is_ancestor(header.timeline):
        raise WalMismatch(
            f"{file.name} holds WAL of timeline {header.timeline},"
            f" which timeline {history.timeline} does not descend from"
        )


def _warnings(header: WalHeader, name: str) -> tuple[str, ...]:
    if header.major is not None:
        return ()
    return (f"{name} has magic {header.magic:04X}, of a newer PostgreSQL than we know",)
