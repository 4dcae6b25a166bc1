"""A deletion and an annotation at the same moment: one of the two gives way."""

from collections.abc import Iterator

import pytest

from cloudhoard.domain.archive_layout import backup_info_key, deleting_key, keep_key
from cloudhoard.domain.backup import KeepTarget
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.keep_backup import keep_backup
from cloudhoard.operations.read_catalog import find_backup
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.protocol import ObjectInfo
from tests.support.made_up_backups import BACKUP_ID, made_up_info, put_info
from tests.support.storages import RecordingStorage
from tests.support.stores import keys, put


class DeletionMeanwhile(RecordingStorage):
    """Somebody deletes the backup between the annotation and the look after it."""

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        if any(request.startswith("PUT") for request in self.requests):
            self.delete_objects([backup_info_key(BACKUP_ID), deleting_key(BACKUP_ID)])
        return super().list_objects(prefix, start_after=start_after)


def test_a_backup_that_is_deleted_at_that_moment_is_not_said_to_be_kept() -> None:
    storage = MemoryStorage(MemoryContainer())
    put_info(storage, made_up_info())
    backup = find_backup(storage, BACKUP_ID, trust=None)

    with pytest.raises(OperationFailed, match="was deleted meanwhile"):
        keep_backup(DeletionMeanwhile(storage), backup, KeepTarget.FULL)

    assert keys(storage) == []


def test_the_marker_is_looked_for_after_the_annotation_is_there() -> None:
    storage = MemoryStorage(MemoryContainer())
    put_info(storage, made_up_info())
    put(storage, f"base/{BACKUP_ID}/data.tar")
    recording = RecordingStorage(storage)

    keep_backup(
        recording, find_backup(storage, BACKUP_ID, trust=None), KeepTarget.STANDALONE
    )

    assert recording.requests == [
        f"PUT {keep_key(BACKUP_ID)}",
        f"LIST base/{BACKUP_ID}/",
    ]
