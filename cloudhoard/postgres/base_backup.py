"""pg_backup_start to pg_backup_stop as one with-block, for PostgreSQL 13 to 18."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloudhoard.domain.lsn import Lsn
from cloudhoard.postgres.connection import Session

_RENAMED: Final = 150_000
"""The version that renamed the functions and dropped the exclusive mode."""


@dataclass(frozen=True, slots=True)
class StoppedBackup:
    """What pg_backup_stop gives for the copy."""

    stop_lsn: Lsn
    label: str
    """The text of backup_label."""
    tablespace_map: str
    stopped_at: datetime
    """The server's clock after the stop: targets from here on can be reached."""


class RunningBackup:
    """A backup that the server knows to be in progress."""

    def __init__(
        self, session: Session, *, start_lsn: Lsn, start_wal: str, started_at: datetime
    ) -> None:
        self._session = session
        self.start_lsn = start_lsn
        self.start_wal = start_wal
        """The WAL segment that holds start_lsn."""
        self.started_at = started_at
        """The server's clock before the start."""

    def stop(self) -> StoppedBackup:
        """End it; WAL may still be on its way into the archive.

        Raises:
            PostgresError: the server refused, or the session is gone.
        """
        if self._session.server_version >= _RENAMED:
            function = "pg_backup_stop(wait_for_archive => false)"
        else:
            function = "pg_stop_backup(exclusive => false, wait_for_archive => false)"
        lsn, label, tablespace_map = self._session.row(
            f"SELECT lsn::text, labelfile, spcmapfile FROM {function}"  # noqa: S608
        )
        (stopped_at,) = self._session.row("SELECT clock_timestamp()")
        return StoppedBackup(Lsn.parse(lsn), label, tablespace_map, stopped_at)

    def check_alive(self) -> None:
        """Prove that the session, and with it the backup, is still there.

        Raises:
            PostgresError: it is not; what was read since is no backup.
        """
        self._session.row("SELECT 1")


@contextmanager
def running_base_backup(
    session: Session, *, label: str, fast: bool
) -> Iterator[RunningBackup]:
    """Put the server into backup mode for the length of a with-block.

    Waits for a checkpoint, spread over minutes unless fast.  However the block is
    left, the server is out of backup mode: without stop() the session is closed,
    which ends a non-exclusive backup.

    Raises:
        PostgresError: the server refuses to start one.
    """
    (started_at,) = session.row("SELECT clock_timestamp()")
    if session.server_version >= _RENAMED:
        function = "pg_backup_start(label => %s, fast => %s)"
    else:
        function = "pg_start_backup(label => %s, fast => %s, exclusive => false)"
    try:
        lsn, start_wal = session.row(
            f"SELECT lsn::text, pg_walfile_name(lsn) FROM {function} AS lsn",  # noqa: S608
            (label, fast),
        )
        yield RunningBackup(
            session,
            start_lsn=Lsn.parse(lsn),
            start_wal=start_wal,
            started_at=started_at,
        )
    except BaseException:
        session.close()
        raise
