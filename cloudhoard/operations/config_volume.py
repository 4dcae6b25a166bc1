"""config.tar: the configuration files that lie outside the data directory."""

import logging
import os

from cloudhoard.domain.archive_layout import DATA_ITEM, config_key
from cloudhoard.domain.volume_list import BackupObject, ObjectKind
from cloudhoard.operations.backup_objects import BackupObjects
from cloudhoard.operations.backup_source import BackupSource, ConfigFile
from cloudhoard.operations.tar_volume import TarVolume
from cloudhoard.operations.volume_source import size_in_tar
from cloudhoard.postgres.data_directory import SourceEntry
from cloudhoard.postgres.errors import UnreadableFile

_log = logging.getLogger(__name__)

_END_SIZE = 64 << 10


def write_config(
    objects: BackupObjects, source: BackupSource, *, backup_id: str
) -> BackupObject | None:
    """Store the configuration files outside the data directory, if there are any.

    Raises:
        UnreadableFile: one is there and cannot be read.
    """
    found = [_entry(each) for each in source.config_files]
    entries = [entry for entry in found if entry is not None]
    if not entries:
        return None
    key = config_key(backup_id, objects.suffix)
    at_most = sum(size_in_tar(entry) for entry in entries) + _END_SIZE
    with objects.storing(key, at_most=at_most) as sink:
        volume = TarVolume(sink, DATA_ITEM, on_progress=lambda _size: None)
        for entry in entries:
            volume.add_file(entry)
        volume.finish()
    return objects.describe(key, ObjectKind.CONFIG, files=len(volume.entries))


def _entry(file: ConfigFile) -> SourceEntry | None:
    try:
        status = file.path.stat()
    except FileNotFoundError:
        _log.warning("%s has been removed since the server read it", file.path)
        return None
    except OSError as error:
        raise UnreadableFile(f"cannot read {file.path}: {error.strerror}") from error
    return SourceEntry(DATA_ITEM, file.name, os.fsencode(file.path), status)
