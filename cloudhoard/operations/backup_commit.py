"""The end of a backup: everything is where it must be, then backup.info."""

import logging
import threading
from dataclasses import replace
from typing import Final

from cloudhoard.codec.keys import SigningKey
from cloudhoard.domain.archive_layout import (
    backup_info_key,
    backup_prefix,
    deleting_key,
)
from cloudhoard.domain.backup_info import (
    SIGNATURE_CONTEXT,
    BackupInfo,
    BackupSignature,
    BackupStatus,
    append_signature,
)
from cloudhoard.domain.volume_list import VolumeList
from cloudhoard.errors import CloudHoardError, OperationFailed
from cloudhoard.storage.errors import (
    ObjectExists,
    ObjectNotFound,
    StorageUnavailable,
)
from cloudhoard.storage.protocol import ReadableStorage, Storage
from cloudhoard.streams import read_exactly

_log = logging.getLogger(__name__)

_FAILED_SECONDS: Final = 5.0
"""How long the record of a failure may take: an interrupted run ends within 30 s."""


class BackupCommit:
    """backup.info of one backup: written once, DONE or FAILED."""

    def __init__(
        self, storage: Storage, backup_id: str, signer: SigningKey | None
    ) -> None:
        self._storage = storage
        self._backup_id = backup_id
        self._key = backup_info_key(backup_id)
        self._signer = signer
        self._may_be_done = False

    def write_done(self, info: BackupInfo) -> None:
        """Make the backup count.

        Raises:
            StorageError: it does not, or (StorageUnavailable) that is not known.
        """
        content = self._content(replace(info, status=BackupStatus.DONE))
        self._may_be_done = True
        try:
            self._write(content)
        except (ObjectExists, StorageUnavailable):
            if not self._is_stored(content):
                raise

    def write_failed(self, info: BackupInfo, error: str) -> None:
        """Record that the backup failed, unless it may be recorded as done.

        Never raises, and takes no longer than some seconds: how the run ends is
        decided already, and a backup without the record is shown as unfinished.
        """
        if self._may_be_done:
            return
        content = self._content(replace(info, status=BackupStatus.FAILED, error=error))

        def write() -> None:
            try:
                self._write(content)
            except (CloudHoardError, OSError) as failure:
                _log.warning("cannot record the failure: %s", failure)

        # A daemon: a store that does not answer does not keep the process.
        thread = threading.Thread(target=write, name="record failure", daemon=True)
        thread.start()
        thread.join(_FAILED_SECONDS)

    def _content(self, info: BackupInfo) -> bytes:
        body = info.render().encode()
        if self._signer is None:
            return body
        signature = BackupSignature(
            self._signer.fingerprint.hex(), self._signer.sign(body, SIGNATURE_CONTEXT)
        )
        return append_signature(body, signature)

    def _write(self, content: bytes) -> None:
        with self._storage.open_write(self._key, at_most=len(content)) as sink:
            sink.write(content)

    def _is_stored(self, content: bytes) -> bool:
        """Whether a write whose answer was lost has arrived.

        Raises:
            StorageUnavailable: not even that is known.
        """
        try:
            with self._storage.open_read(self._key) as source:
                return read_exactly(source, len(content) + 1) == content
        except ObjectNotFound:
            # Proved absent: it is as if DONE had never been sent.
            self._may_be_done = False
            return False


def check_objects(storage: ReadableStorage, volume_list: VolumeList) -> None:
    """Return normally when everything the list names is in the store, and stays.

    Raises:
        OperationFailed: something is missing, has another size, or the backup is
            being deleted.
    """
    prefix = backup_prefix(volume_list.backup_id)
    found = {info.key: info.size for info in storage.list_objects(prefix)}
    if deleting_key(volume_list.backup_id) in found:
        raise OperationFailed(
            f"backup {volume_list.backup_id} is being deleted while it is taken"
        )
    for each in volume_list.objects:
        size = found.get(volume_list.key_of(each))
        if size != each.stored_size:
            state = "is gone" if size is None else f"has {size} bytes"
            raise OperationFailed(
                f"{volume_list.key_of(each)}, stored with {each.stored_size} bytes,"
                f" {state} now"
            )
