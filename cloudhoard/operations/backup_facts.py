"""What becomes known of a backup while it is taken, in backup.info's terms."""

from dataclasses import replace

import cloudhoard
from cloudhoard.domain.backup_info import BackupInfo, CloudHoardInfo, Tablespace
from cloudhoard.domain.backup_label import BackupLabel
from cloudhoard.domain.started_marker import StartedMarker
from cloudhoard.domain.volume_list import VolumeList
from cloudhoard.domain.wal import WalSegment
from cloudhoard.operations.backup_source import BackupSource
from cloudhoard.postgres.base_backup import RunningBackup, StoppedBackup

_SERVER_NAME = "cloud"
"""What barman-cloud writes, whatever the server's name in the archive."""


def info_before(source: BackupSource, marker: StartedMarker) -> BackupInfo:
    """Return what is known before the server is in backup mode."""
    server = source.server
    return BackupInfo(
        backup_name=marker.backup_name,
        config_file=str(server.config_file),
        data_checksums=server.data_checksums,
        hba_file=str(server.hba_file),
        ident_file=str(server.ident_file),
        included_files=tuple(str(path) for path in source.included_files),
        pgdata=str(server.data_directory),
        server_name=_SERVER_NAME,
        summarize_wal=server.summarize_wal,
        systemid=server.system_identifier,
        tablespaces=tuple(
            Tablespace(each.name, each.oid, each.location)
            for each in source.tablespaces
        ),
        timeline=source.control.timeline,
        version=server.version,
        xlog_segment_size=server.segment_size,
        cloudhoard=CloudHoardInfo(
            backup_id=marker.backup_id,
            tool_version=cloudhoard.__version__,
            run_id=marker.run_id,
        ),
    )


def info_started(info: BackupInfo, running: RunningBackup) -> BackupInfo:
    """Return info with where the backup begins."""
    segment = WalSegment.parse(running.start_wal, segment_size=info.xlog_segment_size)
    return replace(
        info,
        begin_time=running.started_at,
        begin_wal=segment.name,
        begin_xlog=running.start_lsn,
        begin_offset=running.start_lsn - segment.start_lsn,
        timeline=segment.timeline,
    )


def info_stopped(info: BackupInfo, stopped: StoppedBackup) -> BackupInfo:
    """Return info with where the backup ends.

    Raises:
        InvalidFormat: the label is not one that we understand.
    """
    timeline = BackupLabel.parse(stopped.label).start_timeline
    segment = WalSegment.ending_at(
        stopped.stop_lsn, timeline=timeline, segment_size=info.xlog_segment_size
    )
    return replace(
        info,
        backup_label=stopped.label,
        end_time=stopped.stopped_at,
        end_wal=segment.name,
        end_xlog=stopped.stop_lsn,
        end_offset=stopped.stop_lsn - segment.start_lsn,
        timeline=timeline,
    )


def info_stored(
    info: BackupInfo, volume_list: VolumeList, *, list_size: int, list_sha256: str
) -> BackupInfo:
    """Return info with what is stored; list_size and list_sha256 are volumes.json's.

    A tablespace that was dropped before it was read has no volume and is none of the
    backup's.
    """
    items = {each.item for each in volume_list.volumes}
    ours = info.cloudhoard
    return replace(
        info,
        cluster_size=volume_list.plain_size,
        tablespaces=tuple(t for t in info.tablespaces if str(t.oid) in items),
        cloudhoard=ours
        and replace(
            ours,
            plain_size=volume_list.plain_size,
            stored_size=volume_list.stored_size + list_size,
            files=volume_list.files,
            key_fingerprints=volume_list.manifest.key_fingerprints,
            volumes_sha256=list_sha256,
            manifest_sha256=volume_list.manifest.stored_sha256,
        ),
    )
