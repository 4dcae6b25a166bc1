"""What a deletion has taken away, or would."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cloudhoard.domain.catalog import Catalog
from cloudhoard.domain.retention import Verdict


class DeletionReason(StrEnum):
    """Why a backup goes."""

    ASKED_FOR = "asked for"
    OBSOLETE = "obsolete"
    INTERRUPTED = "interrupted deletion"


@dataclass(frozen=True, slots=True)
class DeletedBackup:
    """A backup and what was left of it."""

    backup_id: str
    reason: DeletionReason
    objects: int
    size: int
    """Stored bytes."""


@dataclass(slots=True)
class DeletedWal:
    """The WAL of one timeline, some of which may stay between first and last."""

    timeline: int
    first: str
    """Name of a segment."""
    last: str
    objects: int = 0
    """Several may be of one segment."""
    size: int = 0
    """Stored bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionReport:
    """Everything that a run has deleted, or would delete."""

    is_dry_run: bool
    backups: tuple[DeletedBackup, ...] = ()
    wal: tuple[DeletedWal, ...] = ()
    obstacles: tuple[str, ...] = ()
    """Why no WAL was deleted although a backup was."""
    remaining: Catalog = field(default_factory=lambda: Catalog(()))
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """Of the remaining backups, where a policy has judged them."""
