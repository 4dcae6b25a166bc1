"""What would make a backup worthless, found out before it touches anything."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cloudhoard.domain.control_data import ControlData
from cloudhoard.errors import OperationFailed
from cloudhoard.postgres.control_file import read_control_data
from cloudhoard.postgres.errors import NotThisCluster, UnreadableFile
from cloudhoard.postgres.postmaster import check_postmaster
from cloudhoard.postgres.server_info import ServerInfo, TablespaceInfo

_log = logging.getLogger(__name__)

_OLDEST_MAJOR: Final = 13
_NEWEST_MAJOR: Final = 18


def check_server(server: ServerInfo) -> None:
    """Return normally when this server, as it is set up, can be backed up.

    Raises:
        OperationFailed: its version, its role or its archiving stands against it.
    """
    if not _OLDEST_MAJOR <= server.major <= _NEWEST_MAJOR:
        raise OperationFailed(
            f"PostgreSQL {server.major} cannot be backed up, only"
            f" {_OLDEST_MAJOR} to {_NEWEST_MAJOR}"
        )
    if server.in_recovery:
        raise OperationFailed(
            "the server is a standby, and backups are taken from a primary only",
            hint="run the backup on the primary",
        )
    if server.archive_mode == "off":
        raise OperationFailed(
            "archive_mode is off: the WAL that the backup needs would never arrive",
            hint="set archive_mode = on and archive_command, and restart the server",
        )
    if not server.archive_command and not server.archive_library:
        _log.warning("archive_command is empty: the server archives no WAL now")


def check_data_directory(server: ServerInfo) -> ControlData:
    """Return pg_control of the data directory, which is the server's and is here.

    Raises:
        NotThisCluster: the directory is elsewhere, or another server's.
    """
    check_postmaster(
        server.data_directory, started_at=server.started_at, port=server.port
    )
    control = read_control_data(server.data_directory)
    if control.system_identifier != server.system_identifier:
        raise NotThisCluster(
            f"{server.data_directory} holds the cluster with system identifier"
            f" {control.system_identifier}, the server has {server.system_identifier}"
        )
    return control


def check_tablespaces(
    data_directory: Path, tablespaces: Sequence[TablespaceInfo], version_directory: str
) -> None:
    """Return normally when every tablespace's files can be reached.

    Raises:
        UnreadableFile: one is missing or closed to us.
    """
    for tablespace in tablespaces:
        path = data_directory / "pg_tblspc" / str(tablespace.oid) / version_directory
        try:
            next(path.iterdir(), None)
        except OSError as error:
            raise UnreadableFile(
                f"cannot read tablespace {tablespace.name!r}, {path}: {error.strerror}",
                hint="run the backup on the database server itself, as its user",
            ) from error


def check_destination(
    location: str, data_directory: Path, tablespaces: Sequence[TablespaceInfo]
) -> None:
    """Return normally when the archive does not lie in what is backed up.

    Raises:
        OperationFailed: it does; the backup would hold the archive, and itself.
    """
    scheme, _, place = location.partition("://")
    if scheme != "file":
        return
    archive = Path(place).resolve()
    for directory in [data_directory, *(Path(space.location) for space in tablespaces)]:
        if archive.is_relative_to(directory.resolve()):
            raise OperationFailed(
                f"the archive {location} lies in {directory}, which is backed up"
            )


def version_directory_of(control: ControlData) -> str:
    """Return the name of a tablespace's directory for this major version."""
    return f"PG_{control.major}_{control.catalog_version}"
