"""The volumes of a backup onto the disk, several at a time."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.errors import DamagedError
from cloudhoard.operations.hashed_source import HashedSource, named_error
from cloudhoard.operations.read_stored_backup import StoredBackup, missing_object
from cloudhoard.operations.staged_manifest import VolumeFiles
from cloudhoard.operations.unpack_volume import Place, unpack_volume
from cloudhoard.operations.worker_threads import WorkerThreads
from cloudhoard.storage.errors import ObjectNotFound
from cloudhoard.storage.protocol import ReadableStorage

_Volume = TypeVar("_Volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeReader:
    """How the volumes of one backup are read."""

    storage: ReadableStorage
    stored: StoredBackup
    decoding: Decoding

    def unpack(
        self, files: VolumeFiles, place: Place, on_progress: Callable[[int], None]
    ) -> None:
        """Write the files of one volume, and check the volume whole.

        Raises:
            DamagedError: the volume is missing, not what was stored, or does not
                hold exactly what the manifest says; the message names the volume.
        """
        volume = files.volume
        key = self.stored.volumes.key_of(volume)
        try:
            with self.storage.open_read(key) as source:
                hashed = HashedSource(source, key)
                with decoded(
                    hashed,
                    volume.codec,
                    self.decoding,
                    name=key,
                    system_identifier=self.stored.system_identifier,
                    at_most=volume.plain_size,
                ) as plain:
                    unpack_volume(plain, place, files.entries, on_progress=on_progress)
                hashed.check(volume.stored_sha256)
        except ObjectNotFound as error:
            raise missing_object(key) from error
        except DamagedError as error:
            raise named_error(error, key) from error


def restore_volumes(
    volumes: Iterator[_Volume],
    restore: Callable[[_Volume, Callable[[int], None]], None],
    *,
    jobs: int,
    on_progress: Callable[[int], None],
) -> None:
    """Call restore for every volume, jobs of them at a time.

    It makes the volume's files, durably, and tells how many bytes it has done as it
    goes. volumes is drawn from by one thread at a time, as they get free, so that no
    more than jobs volumes' file lists are in memory.

    Raises:
        DamagedError: the first thing that is wrong with one of them.
    """
    shared = _Shared(volumes)

    def advance(size: int) -> None:
        threads.check()
        on_progress(size)

    def work() -> None:
        while (volume := shared.take()) is not None:
            restore(volume, advance)
            threads.check()

    threads = WorkerThreads(jobs, work, name="restore")
    threads.run(every=1.0)


class _Shared(Generic[_Volume]):
    """An iterator that several threads draw from; an error ends it for all."""

    def __init__(self, volumes: Iterator[_Volume]) -> None:
        self._volumes = volumes
        self._lock = threading.Lock()

    def take(self) -> _Volume | None:
        with self._lock:
            return next(self._volumes, None)
