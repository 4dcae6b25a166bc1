"""Fetch one WAL file out of the archive, for restore_command."""

import logging
from dataclasses import dataclass
from pathlib import Path

from cloudhoard.codec.decoding import Decoding
from cloudhoard.domain.archive_layout import WAL_PREFIX
from cloudhoard.domain.wal_file import WalFile, WalFileKind
from cloudhoard.errors import CloudHoardError, UsageError
from cloudhoard.operations.archive_identity import read_identity
from cloudhoard.operations.stored_wal_reader import ExpectedCluster, StoredWalReader
from cloudhoard.operations.wal_hole import refuse_hole
from cloudhoard.operations.wal_lookup import look_up, look_up_with_later
from cloudhoard.operations.wal_variants import StoredWal
from cloudhoard.postgres.control_file import read_control_data
from cloudhoard.spool.atomic_file import atomic_file
from cloudhoard.storage.errors import ObjectNotFound, StorageUnavailable
from cloudhoard.storage.protocol import ReadableStorage

_log = logging.getLogger(__name__)


class WalNotArchived(ObjectNotFound):
    """The archive answered, with authority, that it does not hold the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalRequest:
    """What PostgreSQL, or a person, asks for."""

    file: WalFile
    destination: Path
    data_directory: Path | None
    """Of the cluster that asks; None where it is not known."""
    in_archive_recovery: bool
    """Whether an absent file makes the cluster end recovery: not so on a standby."""
    accept_partial: bool = True
    accept_gap: bool = False


def restore_wal(
    storage: ReadableStorage, request: WalRequest, decoding: Decoding
) -> None:
    """Have the file at its destination, whole, checked and durable.

    On any failure the destination is as it was.

    Raises:
        WalNotArchived: the archive does not hold it.
        HoleInWal: nor that, but it holds WAL that comes after.
        DamagedError: what it holds is not sound, or not that file.
        UsageError: the archive is another cluster's.
        StorageError: whether it holds it is not known.
    """
    cluster = _expected_cluster(storage, request)
    reader = StoredWalReader(storage, decoding, cluster)
    found = look_up(storage, request.file)
    variants = found.whole
    may_end_recovery = request.in_archive_recovery and not variants
    # A plain history does not say whose it is, as the header of a segment does.
    is_anonymous = bool(variants) and request.file.kind is not WalFileKind.SEGMENT
    if may_end_recovery or is_anonymous:
        _check_archive(storage, cluster)
    if may_end_recovery:
        variants = _end_of_wal(reader, request)
    if not variants:
        raise WalNotArchived(f"{request.file.name} is not in {storage.location}")
    try:
        with atomic_file(request.destination) as sink:
            warnings = reader.fetch(
                request.file, variants, sink, request.destination.parent
            )
    except OSError as error:  # the storage's own are StorageErrors
        if error.filename is None:  # as for every write
            error.filename = str(request.destination)
        raise
    for warning in warnings:
        _log.warning("%s", warning)


def _end_of_wal(reader: StoredWalReader, request: WalRequest) -> tuple[StoredWal, ...]:
    """What to serve to a recovery that may end here: a partial segment, or nothing.

    Raises:
        HoleInWal: it may not end here.
    """
    found = look_up_with_later(reader.storage, request.file)
    if not request.accept_gap:
        refuse_hole(request.file, found, reader)
    if found.whole or not request.accept_partial:
        return found.whole
    return found.partial


def _expected_cluster(storage: ReadableStorage, request: WalRequest) -> ExpectedCluster:
    """Whose WAL must be served: the asking cluster's, else the archive's owner's."""
    if request.data_directory is not None:
        try:
            control = read_control_data(request.data_directory)
        except (OSError, CloudHoardError) as error:
            _log.info("%s: %s", request.data_directory, error)
        else:
            return ExpectedCluster(control.system_identifier, control.segment_size)
    identity = read_identity(storage)
    if identity is None:
        return ExpectedCluster()
    return ExpectedCluster(identity.system_identifier, identity.segment_size)


def _check_archive(storage: ReadableStorage, cluster: ExpectedCluster) -> None:
    """Return normally when the archive is the cluster's, as far as it says.

    A misspelt SERVER_NAME finds nothing either, and must not end recovery.
    """
    identity = read_identity(storage)
    if identity is None:
        if next(iter(storage.list_objects(WAL_PREFIX)), None) is None:
            raise StorageUnavailable(
                f"{storage.location} holds no WAL at all",
                hint="check the URL and SERVER_NAME",
            )
        return
    expected = cluster.system_identifier
    if expected not in (None, identity.system_identifier):
        raise UsageError(
            f"the archive {storage.location} belongs to the cluster with system"
            f" identifier {identity.system_identifier}, this one has {expected}",
            hint="check the URL and SERVER_NAME",
        )
