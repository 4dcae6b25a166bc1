"""Backups made up for tests of what is read before anything is restored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cloudhoard.domain.archive_identity import ArchiveIdentity
from cloudhoard.domain.archive_layout import IDENTITY_KEY, backup_info_key
from cloudhoard.domain.backup_info import (
    BackupInfo,
    BackupStatus,
    CloudHoardInfo,
    Tablespace,
)
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.started_marker import StartedMarker
from cloudhoard.storage.protocol import Storage
from tests.support.stores import put

BACKUP_ID: Final = "20261121T052227"
STOPPED_AT: Final = datetime(2026, 11, 21, 5, 22, 28, 172874, tzinfo=UTC)
RUN_ID: Final = "00112233445566778899aabbccddeeff"
SYSTEM_IDENTIFIER: Final = 7710490735113798557


def made_up_info(backup_id: str = BACKUP_ID, **changes: Any) -> BackupInfo:
    """Return what a complete, encrypted backup of ours says; changes are fields."""
    info = BackupInfo(
        status=BackupStatus.DONE,
        backup_label="START WAL LOCATION: ...\n",
        begin_offset=40,
        begin_time=STOPPED_AT - timedelta(seconds=1),
        begin_wal="000000010000000000000003",
        begin_xlog=Lsn.parse("0/3000028"),
        config_file="/etc/postgresql/15/main/postgresql.conf",
        data_checksums="on",
        end_offset=256,
        end_time=STOPPED_AT,
        end_wal="000000010000000000000003",
        end_xlog=Lsn.parse("0/3000100"),
        pgdata="/srv/pg/data",
        server_name="cloud",
        systemid=SYSTEM_IDENTIFIER,
        tablespaces=(Tablespace("t1", 16384, "/srv/ts1"),),
        timeline=1,
        version=150020,
        cloudhoard=CloudHoardInfo(
            backup_id=backup_id,
            tool_version="0.1.0",
            run_id=RUN_ID,
            plain_size=23_400_137,
            stored_size=4_000_000,
            files=972,
            key_fingerprints=("ab" * 32,),
            volumes_sha256="cd" * 32,
            manifest_sha256="ef" * 32,
        ),
    )
    return replace(info, **changes)


def made_up_marker(backup_id: str = BACKUP_ID, **changes: Any) -> StartedMarker:
    """Return the started.json of such a backup; changes are fields."""
    marker = StartedMarker(
        backup_id=backup_id,
        run_id=RUN_ID,
        started_at=STOPPED_AT - timedelta(seconds=2),
        host="db1",
        process_id=4711,
        tool_version="0.1.0",
        system_identifier=SYSTEM_IDENTIFIER,
        data_directory="/srv/pg/data",
        first_wal="000000010000000000000002",
    )
    return replace(marker, **changes)


def put_info(storage: Storage, info: BackupInfo, backup_id: str = BACKUP_ID) -> None:
    """Store backup.info, unsigned."""
    put(storage, backup_info_key(backup_id), info.render().encode())


def put_identity(storage: Storage, system_identifier: int = SYSTEM_IDENTIFIER) -> None:
    """Say whose archive it is."""
    identity = ArchiveIdentity(
        system_identifier=system_identifier, segment_size=16 << 20
    )
    put(storage, IDENTITY_KEY, identity.to_json())
