"""A complete backup of the archive, ready to be restored."""

from cloudhoard.codec.decoding import Decoding
from cloudhoard.operations.read_stored_backup import read_commit, read_stored_backup
from cloudhoard.operations.restorable import RestorableBackup
from cloudhoard.operations.restore_barman import read_barman_backup
from cloudhoard.operations.restore_ours import OurBackup
from cloudhoard.operations.restore_volumes import VolumeReader
from cloudhoard.storage.protocol import ReadableStorage


def open_backup(
    storage: ReadableStorage, backup_id: str, decoding: Decoding, *, skip_links: bool
) -> RestorableBackup:
    """Read what describes a backup, and see that every object is there.

    skip_links says that one of barman-cloud's is restored without the links it holds.

    Raises:
        OperationFailed: there is no such backup, or it cannot be restored.
        DamagedError: its signature, a hash or a size is not what it must be, or an
            object is missing.
    """
    commit = read_commit(storage, backup_id, decoding)
    ours = commit.info.cloudhoard
    if ours is None:
        return read_barman_backup(storage, commit, decoding, skip_links=skip_links)
    stored = read_stored_backup(storage, commit, ours)
    return OurBackup(VolumeReader(storage=storage, stored=stored, decoding=decoding))
