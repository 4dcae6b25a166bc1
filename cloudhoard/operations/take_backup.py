"""A base backup of the running cluster on this machine, from first check to commit."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding
from cloudhoard.domain.archive_layout import manifest_key, volumes_key
from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.manifest import ManifestWriter, WalRange, manifest_version
from cloudhoard.domain.started_marker import StartedMarker
from cloudhoard.domain.timeline import needed_wal
from cloudhoard.domain.volume_list import ObjectKind, VolumeList
from cloudhoard.operations.archive_identity import ensure_identity
from cloudhoard.operations.backup_commit import BackupCommit, check_objects
from cloudhoard.operations.backup_facts import (
    info_before,
    info_started,
    info_stopped,
    info_stored,
)
from cloudhoard.operations.backup_objects import BackupObjects
from cloudhoard.operations.backup_source import BackupSource, inspect_cluster
from cloudhoard.operations.backup_start import start_backup
from cloudhoard.operations.config_volume import write_config
from cloudhoard.operations.manifest_stream import ManifestStream
from cloudhoard.operations.restored_copy import refuse_restored_copy
from cloudhoard.operations.tar_volume import MemberBytes
from cloudhoard.operations.timeline_history import supply_history
from cloudhoard.operations.wal_arrival import wait_for_wal
from cloudhoard.operations.worker_threads import Cancellation
from cloudhoard.operations.write_volumes import VolumeSettings, VolumeWriter
from cloudhoard.postgres.base_backup import running_base_backup
from cloudhoard.postgres.connection import ConnectionSettings, Session, connected
from cloudhoard.postgres.control_file import read_control_bytes
from cloudhoard.postgres.errors import PostgresError
from cloudhoard.postgres.server_info import read_archiver_status
from cloudhoard.spool.archive_memory import SPOOL_NAME, Spool
from cloudhoard.storage.protocol import Storage
from cloudhoard.storage.throttled import Throttle, ThrottledStorage

_log = logging.getLogger(__name__)

_APPLICATION_NAME: Final = "cloudhoard-backup"

_ZSTD: Final = Compression("zstd", 3)
"""The manifest and the list of objects are compressed, whatever the volumes are."""

_MOST_MANIFEST: Final = 64 << 30
"""Bytes, for the store's choice of part sizes: some 200 million files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSettings:
    """What the user may decide about a backup."""

    encoding: Encoding
    volumes: VolumeSettings
    name: str | None = None
    immediate_checkpoint: bool = False
    wal_timeout: float = 3600.0
    """Seconds to wait for WAL to arrive in the archive."""
    keepalive: float | None = 60.0
    """Seconds between two signs of life to the server; None: none."""
    spool_directory: Path | None = None
    """Where wal-archive keeps its memory; None: in pg_wal."""


def take_backup(
    storage: Storage,
    connection: ConnectionSettings,
    settings: BackupSettings,
    *,
    on_progress: Callable[[int], None] = lambda _size: None,
) -> str:
    """Return the id of a new backup that can be restored, now.

    Raises:
        OperationFailed: the cluster cannot be backed up as it is, or its WAL does not
            arrive in the archive.
        StorageError: something could not be stored.
    """
    with connected(connection, application_name=_APPLICATION_NAME) as session:
        source = inspect_cluster(session, storage.location)
        refuse_restored_copy(source.data_directory, storage.location)
        _warn_of_failing_archiver(session)
        ensure_identity(
            storage,
            system_identifier=source.server.system_identifier,
            segment_size=source.server.segment_size,
            spool=Spool.recall(
                settings.spool_directory
                or source.data_directory / "pg_wal" / SPOOL_NAME,
                location=storage.location,
                system_identifier=source.server.system_identifier,
            ),
        )
        marker = start_backup(storage, source, name=settings.name)
        _log.info("backup %s of %s", marker.backup_id, source.data_directory)
        _Run(storage, session, source, settings, marker).take(on_progress)
    return marker.backup_id


def _warn_of_failing_archiver(session: Session) -> None:
    """Say now what would otherwise be found out after hours of copying."""
    status = read_archiver_status(session)
    if status.is_failing:
        _log.warning("archive_command fails at the moment: %s", status)


def _throttled(
    storage: Storage, settings: BackupSettings, cancellation: Cancellation
) -> Storage:
    if settings.volumes.max_bandwidth is None:
        return storage
    throttle = Throttle(settings.volumes.max_bandwidth, sleep=cancellation.sleep)
    return ThrottledStorage(storage, throttle)


class _Run:
    """One backup from its marker to its commit."""

    def __init__(
        self,
        storage: Storage,
        session: Session,
        source: BackupSource,
        settings: BackupSettings,
        marker: StartedMarker,
    ) -> None:
        self._storage = storage
        self._cancellation = Cancellation()
        self._session = session
        self._source = source
        self._settings = settings
        self._backup_id = marker.backup_id
        self._info = info_before(source, marker)
        self._objects = BackupObjects(
            _throttled(storage, settings, self._cancellation),
            encoding=settings.encoding,
            system_identifier=source.server.system_identifier,
        )
        self._phase = "starting"

    def take(self, on_progress: Callable[[int], None]) -> None:
        """Store everything and commit, or record why not and raise."""
        signer = self._settings.encoding.signer
        commit = BackupCommit(self._storage, self._backup_id, signer)
        try:
            volume_list = self._store(on_progress)
            self._info = self._store_list(volume_list)
            self._wait_for_wal()
            self._phase = "committing"
            check_objects(self._storage, volume_list)
            commit.write_done(self._info)
            _log.info("backup %s is complete", self._backup_id)
        except BaseException as error:
            first_line = (str(error) or type(error).__name__).splitlines()[0]
            commit.write_failed(self._info, f"failure {self._phase} ({first_line})")
            raise

    def _store(self, on_progress: Callable[[int], None]) -> VolumeList:
        """Store all objects but the list of them."""
        server = self._source.server
        encoding = replace(self._settings.encoding, compression=_ZSTD)
        key = manifest_key(self._backup_id, encrypted=encoding.is_encrypted)
        with self._objects.storing(
            key, at_most=_MOST_MANIFEST, encoding=encoding
        ) as sink:
            version = manifest_version(server.major)
            writer = ManifestWriter(version, server.system_identifier)
            manifest = ManifestStream(sink, writer)
            volumes = VolumeWriter(
                self._objects,
                manifest,
                backup_id=self._backup_id,
                settings=self._settings.volumes,
                cancellation=self._cancellation,
                on_progress=on_progress,
            )
            wal_range = self._copy(volumes)
            manifest.finish(wal_range)
        config = write_config(self._objects, self._source, backup_id=self._backup_id)
        stored = self._objects.describe(key, ObjectKind.MANIFEST, files=manifest.files)
        others = (stored,) if config is None else (stored, config)
        return VolumeList(
            backup_id=self._backup_id, objects=(*volumes.volumes, *others)
        )

    def _copy(self, volumes: VolumeWriter) -> WalRange:
        """Store the volumes; return the WAL that makes them consistent."""
        self._phase = "waiting for the checkpoint"
        label = f"CloudHoard backup {self._backup_id}"
        fast = self._settings.immediate_checkpoint
        with running_base_backup(self._session, label=label, fast=fast) as running:
            self._phase = "copying files"
            self._info = info_started(self._info, running)
            last = volumes.write_files(
                self._source, every=self._settings.keepalive, check=running.check_alive
            )
            control = self._control_file()
            self._phase = "stopping"
            stopped = running.stop()
        self._info = info_stopped(self._info, stopped)
        self._phase = "copying files"
        content = stopped.label.encode()
        label_file = MemberBytes(b"backup_label", content, control.status)
        volumes.write_last(last, (control, label_file))
        timeline = self._info.timeline or 1
        return WalRange(timeline, running.start_lsn, stopped.stop_lsn)

    def _control_file(self) -> MemberBytes:
        """pg_control as of now: no later than the stop, no earlier than the rest."""
        path = self._source.data_directory / "global" / "pg_control"
        content = read_control_bytes(self._source.data_directory)
        return MemberBytes(b"global/pg_control", content, path.stat())

    def _store_list(self, volume_list: VolumeList) -> BackupInfo:
        """Store volumes.json; return the content of backup.info."""
        key = volumes_key(self._backup_id)
        content = volume_list.to_json()
        plain = Encoding(_ZSTD)
        with self._objects.storing(key, at_most=len(content), encoding=plain) as sink:
            sink.write(content)
        return info_stored(
            self._info,
            volume_list,
            list_size=sink.result.stored_size,
            list_sha256=sink.result.stored_sha256,
        )

    def _wait_for_wal(self) -> None:
        self._phase = "waiting for WAL"
        info, server = self._info, self._source.server
        if info.begin_xlog is None or info.end_xlog is None or info.timeline is None:
            raise AssertionError("the backup has not ended")
        supply_history(
            self._storage,
            self._source,
            timeline=info.timeline,
            encoding=self._settings.encoding,
        )
        names = needed_wal(
            info.begin_xlog, info.end_xlog, info.timeline, server.segment_size
        )
        wait_for_wal(
            self._storage,
            names,
            timeout=self._settings.wal_timeout,
            archiver_status=self._archiver_status,
        )

    def _archiver_status(self) -> str:
        try:
            return str(read_archiver_status(self._session))
        except PostgresError as error:
            return error.message
