"""What earlier runs learned about an archive, so that this one need not ask again.

Only answers that save a request are kept, never that something is absent. The
directory may come from elsewhere (pg_rewind and clones of the data directory copy
it), so every record names its archive, its cluster and the directory it was written
to, and is ignored where they differ. A spool that cannot be used makes a command
slower and is never an error.
"""

import json
import logging
import os
import stat
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from cloudhoard.spool.atomic_file import atomic_file

CONDITIONS_VALID_FOR: Final = 7 * 24 * 3600
"""Seconds after which the store is asked again whether it honours conditions."""

SPOOL_NAME: Final = "cloudhoard"
"""Of the spool in pg_wal, where wal-archive is not told of another place."""

_FILE_NAME: Final = "memory.json"
_LARGEST_FILE: Final = 64 * 1024
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Record:
    segment_size: int | None = None
    honours_conditions: bool | None = None
    conditions_learned_at: float = 0.0
    last_suffix: str | None = None


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose memory a record is."""

    location: str
    system_identifier: int
    clock: Callable[[], float]

    @property
    def directory_name(self) -> str:
        # Two archives that share a name only make each other forget: the record
        # itself says whose it is.
        return f"{self.system_identifier:016x}-{zlib.crc32(self.location.encode()):08x}"

    def claims(self, directory: Path) -> dict[str, object]:
        """What a record must say to be believed in directory.

        The inode tells a directory that pg_rewind or a copy brought here from the one
        written on this host.
        """
        return {
            "version": 1,
            "location": self.location,
            "system_identifier": str(self.system_identifier),
            "directory": directory.stat().st_ino,
        }


class Spool:
    """The memory of one archive of one cluster."""

    def __init__(self, directory: Path | None, record: _Record, owner: _Owner) -> None:
        self._directory = directory
        self._record = record
        self._owner = owner

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        location: str,
        system_identifier: int,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """The memory kept below directory path; an empty one where there is none.

        location must tell apart any two archives: a URL, with the endpoint where
        that is not part of it. None for path remembers nothing.
        """
        owner = _Owner(location, system_identifier, clock)
        directory = _usable_directory(path, owner.directory_name) if path else None
        record = _read(directory, owner) if directory else None
        return cls(directory, record or _Record(), owner)

    @classmethod
    def recall(cls, path: Path, *, location: str, system_identifier: int) -> Self:
        """Only whether the archive was here, as wal-archive knows it below path.

        For commands that may run as another user: nothing is made or written.
        """
        owner = _Owner(location, system_identifier, time.time)
        record = _read(path / owner.directory_name, owner) or _Record()
        return cls(None, _Record(segment_size=record.segment_size), owner)

    @property
    def segment_size(self) -> int | None:
        """Segment size of the archive's identity, where it was seen to be ours."""
        return self._record.segment_size

    @property
    def honours_conditions(self) -> bool | None:
        """Whether the store refuses to create what exists; None when not known."""
        age = self._owner.clock() - self._record.conditions_learned_at
        if not 0 <= age < CONDITIONS_VALID_FOR:
            return None
        return self._record.honours_conditions

    @property
    def last_suffix(self) -> str | None:
        """Suffix of the last WAL file stored from here, for instance ``.zst``."""
        return self._record.last_suffix

    @property
    def remembers(self) -> bool:
        """Whether anything told to it will be known to the next run."""
        return self._directory is not None

    def remember_identity(self, segment_size: int) -> None:
        """Keep that the archive's identity is this cluster's."""
        self._change(replace(self._record, segment_size=segment_size))

    def remember_conditions(self, *, honoured: bool) -> None:
        """Keep, for CONDITIONS_VALID_FOR, what the store does with a condition."""
        now = self._owner.clock()
        self._change(
            replace(
                self._record, honours_conditions=honoured, conditions_learned_at=now
            )
        )

    def remember_suffix(self, suffix: str) -> None:
        """Keep under which suffix the last WAL file was stored."""
        self._change(replace(self._record, last_suffix=suffix))

    def _change(self, record: _Record) -> None:
        if record == self._record:
            return
        self._record = record
        if self._directory is None:
            return
        try:
            _write(self._directory, self._owner, record)
        except OSError as error:
            _log.info("the spool cannot be written, going on without: %s", error)
            self._directory = None


def _usable_directory(spool: Path, name: str) -> Path | None:
    """The directory of one archive, made when missing; None where it will not do."""
    directory = spool / name
    try:
        for step in (spool, directory):
            _make_private(step)
    except OSError as error:
        _log.info("no spool, going on without: %s", error)
        return None
    return directory


def _make_private(directory: Path) -> None:
    """Make directory unless it is there, and refuse one that others can write to."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        status = directory.lstat()
        if (
            not stat.S_ISDIR(status.st_mode)
            or status.st_uid != os.geteuid()
            or status.st_mode & _WRITABLE_BY_OTHERS
        ):
            raise PermissionError(f"{directory} is not a directory of ours") from None


def _read(directory: Path, owner: _Owner) -> _Record | None:
    """The record in directory if it is whole and owner's, else None."""
    try:
        with (directory / _FILE_NAME).open("rb") as file:
            found = json.loads(file.read(_LARGEST_FILE))
        if not isinstance(found, dict):
            return None
        if not owner.claims(directory).items() <= found.items():
            return None
        return _record_from(found)
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _record_from(found: dict[str, object]) -> _Record:
    """The record that JSON object found holds; what has the wrong type is left out."""
    segment_size = found.get("segment_size")
    honours = found.get("honours_conditions")
    learned_at = found.get("conditions_learned_at")
    suffix = found.get("last_suffix")
    return _Record(
        segment_size=segment_size if isinstance(segment_size, int) else None,
        honours_conditions=honours if isinstance(honours, bool) else None,
        conditions_learned_at=learned_at if isinstance(learned_at, float) else 0.0,
        last_suffix=suffix if isinstance(suffix, str) else None,
    )


def _write(directory: Path, owner: _Owner, record: _Record) -> None:
    text = json.dumps(
        {
            **owner.claims(directory),
            "segment_size": record.segment_size,
            "honours_conditions": record.honours_conditions,
            "conditions_learned_at": float(record.conditions_learned_at),
            "last_suffix": record.last_suffix,
        }
    )
    with atomic_file(directory / _FILE_NAME) as file:
        file.write(text.encode())
