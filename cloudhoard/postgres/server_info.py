"""What a backup has to know about the server before it starts."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cloudhoard.postgres.connection import Session

_QUERY: Final = """
SELECT current_setting('server_version_num')::int,
       pg_is_in_recovery(),
       system_identifier,
       current_setting('data_directory'),
       pg_postmaster_start_time(),
       current_setting('port')::int,
       pg_size_bytes(current_setting('wal_segment_size')),
       current_setting('data_checksums'),
       current_setting('summarize_wal', true),
       current_setting('archive_mode'),
       current_setting('archive_command'),
       coalesce(current_setting('archive_library', true), ''),
       current_setting('config_file'),
       current_setting('hba_file'),
       current_setting('ident_file'),
       coalesce(current_setting('stats_temp_directory', true), '')
  FROM pg_control_system()
"""

_TABLESPACES: Final = """
SELECT spcname, oid::bigint, pg_tablespace_location(oid)
  FROM pg_tablespace
 WHERE spcname NOT IN ('pg_default', 'pg_global')
 ORDER BY oid
"""

_INCLUDED_FILES: Final = """
SELECT DISTINCT sourcefile
  FROM pg_settings
 WHERE sourcefile IS NOT NULL
 ORDER BY sourcefile
"""

_ARCHIVER: Final = """
SELECT last_archived_wal, last_archived_time, last_failed_wal, last_failed_time,
       failed_count
  FROM pg_stat_archiver
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """One server's own answers about itself."""

    version: int
    """As server_version_num: 150004."""
    in_recovery: bool
    system_identifier: int
    data_directory: Path
    started_at: datetime
    port: int
    segment_size: int
    data_checksums: str
    summarize_wal: str | None
    """None before PostgreSQL 17."""
    archive_mode: str
    archive_command: str
    archive_library: str
    config_file: Path
    hba_file: Path
    ident_file: Path
    stats_temp_directory: Path | None
    """Relative ones are below the data directory; None from PostgreSQL 15."""

    @property
    def major(self) -> int:
        """The major version: 15."""
        return self.version // 10_000


@dataclass(frozen=True, slots=True)
class TablespaceInfo:
    """A tablespace other than the two that are the data directory."""

    name: str
    oid: int
    location: str
    """The directory as CREATE TABLESPACE was told."""


@dataclass(frozen=True, slots=True)
class ArchiverStatus:
    """What pg_stat_archiver says."""

    last_archived: str | None
    last_archived_at: datetime | None
    last_failed: str | None
    last_failed_at: datetime | None
    failed_count: int

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt was a failure."""
        if self.last_failed_at is None:
            return False
        return self.last_archived_at is None or (
            self.last_archived_at < self.last_failed_at
        )

    def __str__(self) -> str:
        archived, failed = "nothing yet", "none"
        if self.last_archived and self.last_archived_at:
            archived = f"{self.last_archived} at {self.last_archived_at:%F %T%z}"
        if self.last_failed and self.last_failed_at:
            failed = f"{self.last_failed} at {self.last_failed_at:%F %T%z}"
        return (
            f"last archived: {archived}; last failure: {failed}"
            f" ({self.failed_count} failures)"
        )


def read_server_info(session: Session) -> ServerInfo:
    """Ask the server about itself.

    Raises:
        PostgresError: it does not tell this role.
    """
    row = session.row(_QUERY)
    return ServerInfo(
        version=row[0],
        in_recovery=row[1],
        # bigint is signed, the identifier is not.
        system_identifier=row[2] % 2**64,
        data_directory=Path(row[3]),
        started_at=row[4],
        port=row[5],
        segment_size=row[6],
        data_checksums=row[7],
        summarize_wal=row[8],
        archive_mode=row[9],
        archive_command=row[10],
        archive_library=row[11],
        config_file=Path(row[12]),
        hba_file=Path(row[13]),
        ident_file=Path(row[14]),
        stats_temp_directory=Path(row[15]) if row[15] else None,
    )


def read_tablespaces(session: Session) -> tuple[TablespaceInfo, ...]:
    """Ask for the tablespaces that lie outside the data directory's own tree.

    An in-place tablespace is a plain directory in pg_tblspc, its location relative:
    it is part of the data directory.
    """
    return tuple(
        TablespaceInfo(name, oid, location)
        for name, oid, location in session.rows(_TABLESPACES)
        if location.startswith("/")
    )


def read_included_files(session: Session) -> tuple[Path, ...]:
    """Ask which files the settings in force come from."""
    return tuple(Path(row[0]) for row in session.rows(_INCLUDED_FILES))


def read_archiver_status(session: Session) -> ArchiverStatus:
    """Ask how archive_command is getting on."""
    return ArchiverStatus(*session.row(_ARCHIVER))
