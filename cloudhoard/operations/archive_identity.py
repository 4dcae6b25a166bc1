"""Whose archive it is: written once, and asked before anything else is."""

import logging
from typing import Final

from cloudhoard.domain.archive_identity import ArchiveIdentity
from cloudhoard.domain.archive_layout import IDENTITY_KEY
from cloudhoard.errors import OperationFailed
from cloudhoard.spool.archive_memory import Spool
from cloudhoard.storage.errors import ObjectExists, ObjectNotFound, StorageUnavailable
from cloudhoard.storage.protocol import ReadableStorage, Storage
from cloudhoard.streams import read_exactly

_LARGEST_IDENTITY: Final = 64 * 1024
_NEW_NAME_HINT: Final = (
    "after initdb, pg_upgrade or pg_createsubscriber a cluster needs a new SERVER_NAME"
)

_log = logging.getLogger(__name__)


class ForeignArchive(OperationFailed):
    """The archive belongs to another cluster."""


def read_identity(storage: ReadableStorage) -> ArchiveIdentity | None:
    """Whose archive it is; None when it does not say (a new one, or barman's).

    Raises:
        InvalidFormat: the identity cannot be understood.
        StorageError: it cannot be read.
    """
    try:
        with storage.open_read(IDENTITY_KEY) as source:
            data = read_exactly(source, _LARGEST_IDENTITY)
    except ObjectNotFound:
        return None
    return ArchiveIdentity.from_json(data)


def ensure_identity(
    storage: Storage,
    *,
    system_identifier: int,
    segment_size: int,
    spool: Spool | None = None,
) -> ArchiveIdentity:
    """The archive's identity, which is this cluster's; made where there is none.

    What spool remembers is not asked again. A spool also makes this learn whether
    the store honours conditional creates.

    Raises:
        ForeignArchive: the archive is another cluster's, or has another segment size.
        StorageUnavailable: the archive was here and is gone.
    """
    ours = ArchiveIdentity(
        system_identifier=system_identifier, segment_size=segment_size
    )
    if spool is not None and _remembers(spool, ours):
        storage.trust_conditions(honoured=spool.honours_conditions is True)
    else:
        found = _found_or_created(storage, ours, spool)
        _check_same(storage, found, ours)
        if spool and spool.remembers:
            spool.remember_identity(segment_size)
            spool.remember_conditions(honoured=_honours_conditions(storage, found))
    return ours


def _remembers(spool: Spool, ours: ArchiveIdentity) -> bool:
    """Whether an earlier run has seen that the archive is ours, not too long ago."""
    return (
        spool.segment_size == ours.segment_size and spool.honours_conditions is not None
    )


def _found_or_created(
    storage: Storage, ours: ArchiveIdentity, spool: Spool | None
) -> ArchiveIdentity:
    found = read_identity(storage)
    if found is not None:
        return found
    if spool and spool.segment_size is not None:
        # Never begin anew where an archive was: it may just not be mounted.
        raise StorageUnavailable(
            f"the archive {storage.location} was here before and is gone",
            hint="is it mounted? if it was removed on purpose, remove the spool"
            " (pg_wal/cloudhoard) as well",
        )
    _check_content(storage, ours.system_identifier)
    return _create(storage, ours)


def check_same_cluster(
    storage: ReadableStorage, found: ArchiveIdentity, system_identifier: int
) -> None:
    """Return normally when found is the identity of the cluster system_identifier.

    Raises:
        ForeignArchive: it is another's.
    """
    if found.system_identifier != system_identifier:
        raise ForeignArchive(
            f"the archive {storage.location} belongs to the cluster with system"
            f" identifier {found.system_identifier}, this one has {system_identifier}",
            hint=_NEW_NAME_HINT,
        )


def _check_same(
    storage: ReadableStorage, found: ArchiveIdentity, ours: ArchiveIdentity
) -> None:
    check_same_cluster(storage, found, ours.system_identifier)
    if found.segment_size != ours.segment_size:
        raise ForeignArchive(
            f"the archive {storage.location} has WAL segments of {found.segment_size}"
            f" bytes, this cluster has {ours.segment_size}",
            hint="after a change of the segment size a cluster needs a new SERVER_NAME",
        )


def _create(storage: Storage, ours: ArchiveIdentity) -> ArchiveIdentity:
    """Make the identity, or get the one that another process made meanwhile."""
    try:
        _write(storage, ours)
    except ObjectExists:
        return read_identity(storage) or ours
    return ours


def _write(storage: Storage, identity: ArchiveIdentity) -> None:
    data = identity.to_json()
    with storage.open_write(IDENTITY_KEY, at_most=len(data)) as sink:
        sink.write(data)


def _honours_conditions(storage: Storage, found: ArchiveIdentity) -> bool:
    """Whether the store refuses to create the identity once more.

    A store that does not refuse has then written the same bytes again.
    """
    storage.trust_conditions(honoured=True)  # so that nothing but the store answers
    try:
        _write(storage, found)
    except ObjectExists:
        return True
    storage.trust_conditions(honoured=False)
    _log.warning(
        "%s does not honour conditional creates: that nothing is overwritten is best"
        " effort there",
        storage.location,
    )
    return False


def _check_content(storage: Storage, system_identifier: int) -> None:
    """Refuse to claim a place that holds another cluster's backups or WAL."""
    if next(iter(storage.list_objects("")), None) is None:
        return
    # Imported here, as it happens once in an archive's life and needs every codec.
    from cloudhoard.operations.archive_owner import find_owner  # noqa: PLC0415

    owner = find_owner(storage)
    if owner is not None and owner != system_identifier:
        raise ForeignArchive(
            f"{storage.location} holds the cluster with system identifier {owner},"
            f" this one has {system_identifier}",
            hint=_NEW_NAME_HINT,
        )
