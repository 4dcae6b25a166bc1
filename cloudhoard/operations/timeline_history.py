"""A timeline's history file, archived by the backup where the server never did."""

from cloudhoard.codec.encoding import Encoding
from cloudhoard.domain.archive_layout import wal_key
from cloudhoard.domain.timeline import history_file_name
from cloudhoard.operations.backup_source import BackupSource
from cloudhoard.storage.protocol import Storage


def supply_history(
    storage: Storage, source: BackupSource, *, timeline: int, encoding: Encoding
) -> None:
    """Have the timeline's history in the archive, if it can be had.

    PostgreSQL hands it to archive_command once, at the promotion.  An archive that
    was set up later would never get it, and no backup into it would ever be complete.
    """
    if timeline == 1:
        return
    name = history_file_name(timeline)
    path = source.data_directory / "pg_wal" / name
    archived = next(iter(storage.list_objects(wal_key(name))), None) is not None
    if not archived and path.exists():
        # Few backups need it, and it needs all of the codec.
        from cloudhoard.codec.decoding import Decoding  # noqa: PLC0415
        from cloudhoard.operations.archive_wal import (  # noqa: PLC0415
            ArchivingSettings,
            archive_wal,
        )

        settings = ArchivingSettings(encoding=encoding, decoding=Decoding())
        archive_wal(storage, path, settings)
