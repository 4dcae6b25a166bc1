"""Segments that a timeline switch cut short."""

from pathlib import Path

from cloudhoard.domain.wal import WalSegment
from cloudhoard.domain.wal_file import WalFileKind
from cloudhoard.operations.local_wal import LocalWal, newer_histories


def ends_inside(wal: LocalWal) -> bool:
    """Whether wal is a whole segment by name in which its timeline came to its end.

    With archive_mode=always a standby hands over the segment of the switch point
    under its full name, with whatever its tail held before. Nothing after the switch
    point is WAL of that timeline, so its content belongs under ``.partial``, where
    the promoted server puts its own copy.
    """
    if wal.file.kind is not WalFileKind.SEGMENT:
        return False
    segment = WalSegment.parse(wal.file.name, segment_size=wal.segment_size)
    return _is_cut(segment, wal.path.parent)


def _is_cut(segment: WalSegment, directory: Path) -> bool:
    for history in newer_histories(directory, segment.timeline):
        end = history.end_of(segment.timeline)
        if end is not None and segment.start_lsn < end < segment.end_lsn:
            return True
    return False
