"""Storing the objects of one backup, and remembering what was stored."""

import hashlib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cloudhoard.codec.encoding import EncodedSink, Encoding, StoredObject, encoded
from cloudhoard.domain.volume_list import BackupObject, ObjectKind
from cloudhoard.storage.errors import ObjectExists, ObjectNotFound, StorageUnavailable
from cloudhoard.storage.protocol import ReadableStorage, Storage
from cloudhoard.streams import COPY_SIZE

_log = logging.getLogger(__name__)


class BackupObjects:
    """Where a backup's objects go; several threads may store at a time."""

    def __init__(
        self, storage: Storage, *, encoding: Encoding, system_identifier: int
    ) -> None:
        self._storage = storage
        self._encoding = encoding
        self._system_identifier = system_identifier
        self._lock = threading.Lock()
        self._stored: dict[str, tuple[StoredObject, str]] = {}

    @property
    def suffix(self) -> str:
        """How the names of objects end: ``.zst.enc``."""
        return self._encoding.suffix

    @property
    def key_fingerprints(self) -> tuple[str, ...]:
        """Which keys can decrypt the objects, in hexadecimal."""
        return tuple(key.fingerprint.hex() for key in self._encoding.recipients)

    def describe(
        self,
        key: str,
        kind: ObjectKind,
        *,
        files: int = 0,
        item: str | None = None,
        index: int = 0,
    ) -> BackupObject:
        """Return what volumes.json says of an object that is stored."""
        with self._lock:
            result, suffix = self._stored[key]
        _, _, name = key.rpartition("/")
        return BackupObject(
            name=name,
            kind=kind,
            stored_size=result.stored_size,
            stored_sha256=result.stored_sha256,
            plain_size=result.plain_size,
            files=files,
            item=item,
            index=index,
            codec=suffix,
            key_fingerprints=self.key_fingerprints,
        )

    @contextmanager
    def storing(
        self, key: str, *, at_most: int, encoding: Encoding | None = None
    ) -> Iterator[EncodedSink]:
        """Store a new object of at most at_most plain bytes.

        Raises as open_write.  Where the store's last answer was lost, the object is
        read back: it is ours if its bytes are.
        """
        encoding = encoding or self._encoding
        attributes = {"name": key, "system": str(self._system_identifier)}
        result: StoredObject | None = None
        try:
            with self._storage.open_write(
                key, at_most=encoding.at_most(at_most)
            ) as stored:
                with encoded(stored, encoding, attributes) as sink:
                    yield sink
                result = sink.result
        except (ObjectExists, StorageUnavailable) as error:
            if result is None or not _is_stored(self._storage, key, result):
                raise
            _log.info("%s is stored after all: %s", key, error)
        with self._lock:
            self._stored[key] = result, encoding.suffix


def _is_stored(storage: ReadableStorage, key: str, expected: StoredObject) -> bool:
    try:
        if storage.stat(key).size != expected.stored_size:
            return False
        digest = hashlib.sha256()
        with storage.open_read(key) as source:
            while block := source.read(COPY_SIZE):
                digest.update(block)
    except ObjectNotFound:
        return False
    return digest.hexdigest() == expected.stored_sha256
