"""Backups in barman-cloud's form, put together by hand."""

import gzip
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cloudhoard.domain.archive_layout import (
    backup_info_key,
    backup_prefix,
    wal_key,
)
from cloudhoard.domain.backup_info import Tablespace
from cloudhoard.domain.backup_label import BackupLabel
from cloudhoard.domain.control_data import ControlData
from cloudhoard.storage.protocol import Storage
from tests.support.golden_postgres import golden
from tests.support.made_up_backups import made_up_info
from tests.support.stored_backup import BACKUP_ID, put

MAJOR: Final = 15
VERSION: Final = 150_020
LABEL: Final = golden(MAJOR, "backup_label").read_bytes()
CONTROL: Final = golden(MAJOR, "pg_control").read_bytes()

FIRST: Final[Mapping[str, bytes]] = {
    "./PG_VERSION": b"15\n",
    "./postgresql.conf": b"# inside\n",
    "./postgresql.auto.conf": b"",
    "base/5/1259": b"pg_class" * 1024,
}
LAST: Final[Mapping[str, bytes]] = {
    "global/pg_control": CONTROL,
    "backup_label": LABEL,
}


@dataclass
class Tar:
    """One volume, made by the library that barman-cloud uses."""

    files: Mapping[str, bytes]
    directories: Sequence[str] = ()
    members: Sequence[tarfile.TarInfo] = ()
    """Further ones, without content."""

    @property
    def content(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in self.directories:
                tar.addfile(member(name, tarfile.DIRTYPE, mode=0o2700))
            for each in self.members:
                tar.addfile(each)
            for name, content in self.files.items():
                info = member(name, tarfile.REGTYPE, size=len(content))
                tar.addfile(info, io.BytesIO(content))
        return buffer.getvalue()


def member(name: str, kind: bytes, **fields: Any) -> tarfile.TarInfo:
    """Return the header of a member as barman-cloud's look."""
    info = tarfile.TarInfo(name)
    info.type, info.mtime, info.mode = kind, 1795265091.5, 0o600
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def link(name: str, target: str) -> tarfile.TarInfo:
    """Return a symbolic link."""
    return member(name, tarfile.SYMTYPE, linkname=target)


@dataclass
class BarmanBackup:
    """A backup that store() writes."""

    volumes: dict[str, bytes] = field(
        default_factory=lambda: {
            "data.tar.gz": gzip.compress(
                Tar(FIRST, directories=[".", "pg_tblspc", "pg_wal"]).content
            ),
            "data_0001.tar": Tar(LAST).content,
        }
    )
    """Objects by name."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Fields of backup.info that are different."""

    def with_tablespace(self, volumes: Mapping[str, bytes]) -> "BarmanBackup":
        """Return it with the tablespace ts1, whose oid is 16384, in these objects."""
        tablespaces = (Tablespace("ts1", 16384, "/srv/ts1"),)
        return BarmanBackup(
            self.volumes | dict(volumes), self.changes | {"tablespaces": tablespaces}
        )

    def store(self, storage: Storage) -> None:
        """Write all objects."""
        label = BackupLabel.parse(LABEL.decode())
        fields: dict[str, Any] = {
            "backup_label": LABEL.decode(),
            "begin_xlog": label.start_lsn,
            "systemid": ControlData.parse(CONTROL).system_identifier,
            "version": VERSION,
            "config_file": "/srv/pg/data/postgresql.conf",
            "tablespaces": (),
            "cloudhoard": None,
        }
        info = made_up_info(**(fields | self.changes))
        assert info.begin_wal is not None
        for name, content in self.volumes.items():
            key = backup_prefix(BACKUP_ID) + name
            put(storage, key, content, overwrite=True)
        put(storage, backup_info_key(BACKUP_ID), info.render().encode(), overwrite=True)
        # What shows, in a directory, that this is an archive.
        put(storage, wal_key(info.begin_wal), b"", overwrite=True)
