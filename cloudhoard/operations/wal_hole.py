"""Is the WAL at its end here, or is a piece missing?"""

from cloudhoard.domain.timeline import history_file_name
from cloudhoard.domain.wal import WalSegment
from cloudhoard.domain.wal_file import WalFile, WalFileKind
from cloudhoard.errors import HoleInWal
from cloudhoard.operations.stored_wal_reader import StoredWalReader
from cloudhoard.operations.wal_lookup import WalLookup

_ACCEPT = "find it, or give --accept-gap to let recovery end before it"


def refuse_hole(file: WalFile, found: WalLookup, reader: StoredWalReader) -> None:
    """Return normally when recovery may take the absence of file for the end of WAL.

    PostgreSQL asks for one segment after the other, and where it gets none it ends
    recovery, or goes on with the segment of an older timeline, past the fork.

    Raises:
        HoleInWal: there is WAL behind the missing file.
    """
    if found.whole or file.kind is not WalFileKind.SEGMENT:
        return
    if found.later is not None:
        raise HoleInWal(
            f"{file.name} is not in the archive, and {found.later} is: WAL is missing",
            hint=_ACCEPT,
        )
    if not found.partial and _begins_timeline(file, reader):
        raise HoleInWal(
            f"{file.name} is not in the archive, and timeline {file.timeline}, whose"
            " history is there, begins in it",
            hint=_ACCEPT + ", on the timeline before",
        )
    branch = _branch_behind(file, reader)
    if branch is not None:
        raise HoleInWal(
            f"{file.name} is not in the archive, and timeline {branch}, whose history"
            " is there, branches off behind it: WAL is missing",
            hint=_ACCEPT,
        )


def _branch_behind(file: WalFile, reader: StoredWalReader) -> int | None:
    """A timeline that left file's behind file; None if the archive has none.

    After a failover the last segments of the server that was lost may never have
    been archived. Nothing of its timeline comes later then, yet all of the next one.
    """
    segment_size = reader.cluster.segment_size
    if segment_size is None:
        return None
    segment = WalSegment.parse(file.name, segment_size=segment_size)
    # PostgreSQL numbers timelines without gaps, and looks for them in the same way.
    timeline = file.timeline + 1
    while history := reader.history(WalFile.parse(history_file_name(timeline))):
        end = history.end_of(file.timeline)
        if end is not None and segment.end_lsn <= end:
            return timeline
        timeline += 1
    return None


def _begins_timeline(file: WalFile, reader: StoredWalReader) -> bool:
    """Whether file is the segment in which its timeline began, by the archive."""
    segment_size = reader.cluster.segment_size
    if file.timeline == 1 or segment_size is None:
        return False
    history = reader.history(WalFile.parse(history_file_name(file.timeline)))
    if history is None or not history.switches:
        return False
    first = WalSegment.containing(
        history.switches[-1].switch_lsn,
        timeline=file.timeline,
        segment_size=segment_size,
    )
    return first.name == file.name
