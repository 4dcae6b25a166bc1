"""The cluster that a backup is taken of, checked and described before it starts."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cloudhoard.domain.control_data import ControlData
from cloudhoard.operations.backup_preflight import (
    check_data_directory,
    check_destination,
    check_server,
    check_tablespaces,
    version_directory_of,
)
from cloudhoard.postgres.connection import Session
from cloudhoard.postgres.data_directory import TablespaceDirectory
from cloudhoard.postgres.server_info import (
    ServerInfo,
    TablespaceInfo,
    read_included_files,
    read_server_info,
    read_tablespaces,
)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file that lies outside the data directory."""

    name: bytes
    """Its member name in config.tar."""
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSource:
    """A running cluster whose data directory is here."""

    server: ServerInfo
    control: ControlData
    """As it was before the backup began."""
    tablespaces: tuple[TablespaceInfo, ...]
    config_files: tuple[ConfigFile, ...]
    included_files: tuple[Path, ...]
    """Those of config_files that postgresql.conf includes."""

    @property
    def data_directory(self) -> Path:
        """Where the files are."""
        return self.server.data_directory

    @property
    def tablespace_directories(self) -> tuple[TablespaceDirectory, ...]:
        """Where the tablespaces' files are."""
        version = version_directory_of(self.control)
        return tuple(TablespaceDirectory(t.oid, version) for t in self.tablespaces)

    @property
    def emptied_directories(self) -> tuple[Path, ...]:
        """Directories whose content this server's settings declare worthless."""
        statistics = self.server.stats_temp_directory
        return () if statistics is None else (self.data_directory / statistics,)


def inspect_cluster(session: Session, archive_location: str) -> BackupSource:
    """Describe the cluster of session; nothing has been touched yet.

    Raises:
        OperationFailed: it cannot be backed up from here, or not as it is set up.
    """
    server = read_server_info(session)
    check_server(server)
    control = check_data_directory(server)
    tablespaces = read_tablespaces(session)
    version = version_directory_of(control)
    check_tablespaces(server.data_directory, tablespaces, version)
    check_destination(archive_location, server.data_directory, tablespaces)
    included = _included_outside(server, read_included_files(session))
    return BackupSource(
        server=server,
        control=control,
        tablespaces=tablespaces,
        config_files=_config_files(server, included),
        included_files=included,
    )


def _included_outside(server: ServerInfo, included: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(
        path
        for path in included
        if path != server.config_file and _is_outside(path, server.data_directory)
    )


def _config_files(
    server: ServerInfo, included: Sequence[Path]
) -> tuple[ConfigFile, ...]:
    main = (server.config_file, server.hba_file, server.ident_file)
    outside = [path for path in main if _is_outside(path, server.data_directory)]
    # PostgreSQL starts without a pg_ident.conf.
    found = [path for path in outside if path != server.ident_file or path.exists()]
    paths = dict.fromkeys([*found, *included])
    return tuple(
        ConfigFile(_member_name(path, server.config_file.parent), path)
        for path in paths
    )


def _is_outside(path: Path, data_directory: Path) -> bool:
    """Whether walking the data directory does not come across path anyway."""
    return not (
        path.is_relative_to(data_directory)
        or path.resolve().is_relative_to(data_directory.resolve())
    )


def _member_name(path: Path, config_directory: Path) -> bytes:
    """Path below postgresql.conf's directory, or else its path from the root."""
    if path.is_relative_to(config_directory):
        return os.fsencode(path.relative_to(config_directory))
    return os.fsencode(path.relative_to(path.anchor))
