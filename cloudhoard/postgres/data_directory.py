"""Which files of a running cluster a base backup takes, found while it runs.

Files may come, go, grow and shrink under the walk; WAL makes up for all of that.
What must not pass is a file that is there and cannot be read.
"""

import logging
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Self

from cloudhoard.domain.archive_layout import DATA_ITEM
from cloudhoard.postgres.errors import UnreadableFile
from cloudhoard.postgres.exclusions import (
    init_fork_of,
    is_database_directory,
    is_emptied,
    is_left_out,
    is_temporary_relation,
)

_log = logging.getLogger(__name__)

_CLOCK_TICK_SECONDS: Final = 1.0
"""By how much a file's time may lag behind time.time(), rounded up."""

_BIG_FILE_SIZE: Final = 32 << 20
"""From here on a file decides which of several workers ends last."""


class SourceEntry(NamedTuple):
    """One directory or regular file that belongs into the backup."""

    item: str
    """``data``, or the tablespace's oid."""
    name: bytes
    """Path below the item's root: the member name of the tar."""
    path: bytes
    """Where it is on this machine."""
    status: os.stat_result
    """As it was a moment ago, of the link's target where it is a link."""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory; otherwise it is a regular file."""
        return stat.S_ISDIR(self.status.st_mode)


@dataclass(frozen=True, slots=True)
class TablespaceDirectory:
    """A tablespace's files of one major version."""

    oid: int
    version_directory: str
    """``PG_<major>_<catalog version>``."""


def walk_data_directory(
    data_directory: Path,
    *,
    tablespaces: Iterable[TablespaceDirectory] = (),
    emptied: Iterable[Path] = (),
) -> Iterator[SourceEntry]:
    """Yield what belongs into the item ``data``, a directory before what is in it.

    Left to the caller: the top directory itself, ``pg_wal`` and ``pg_tblspc``, which
    are stored empty, and ``global/pg_control``, which is stored last.  A link to a
    directory counts as the directory, a link to a file as the file.  ``emptied``
    names more directories to store without their content (before PostgreSQL 15:
    stats_temp_directory).

    Raises:
        UnreadableFile: something is there and cannot be read.
    """
    root = os.fsencode(data_directory)
    elsewhere = [
        os.path.join(root, b"pg_tblspc", str(tablespace.oid).encode())
        for tablespace in tablespaces
    ]
    walk = _Walk(
        item=DATA_ITEM,
        stored_elsewhere=_identities(elsewhere),
        emptied=_identities(os.fsencode(path) for path in emptied),
    )
    yield from walk.below(root, b"", (_identity(os.stat(root)),))


def walk_tablespace(
    data_directory: Path, tablespace: TablespaceDirectory
) -> Iterator[SourceEntry]:
    """Yield a tablespace's version directory and what is in it.

    Raises:
        UnreadableFile: the directory is missing though its link is still there, or
            something in it cannot be read.
    """
    link = os.fsencode(data_directory / "pg_tblspc" / str(tablespace.oid))
    name = os.fsencode(tablespace.version_directory)
    path = os.path.join(link, name)
    try:
        status = os.stat(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not os.path.lexists(link):
            return  # dropped since the backup began: replaying WAL drops it again
        raise _unreadable(path, error) from error
    item = str(tablespace.oid)
    yield SourceEntry(item, name, path, status)
    yield from _Walk(item=item).below(path, name, (_identity(status),))


_Identity = tuple[int, int]


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


def _identities(paths: Iterable[bytes]) -> frozenset[_Identity]:
    found = set()
    for path in paths:
        try:
            found.add(_identity(os.stat(path)))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(path, error) from error
    return frozenset(found)


def _unreadable(path: bytes, error: OSError) -> UnreadableFile:
    return UnreadableFile(
        f"cannot read {os.fsdecode(path)}: {error.strerror}",
        hint="run the backup as the user that PostgreSQL runs as",
    )


@dataclass(frozen=True, slots=True)
class _Walk:
    item: str
    stored_elsewhere: frozenset[_Identity] = field(default_factory=frozenset)
    emptied: frozenset[_Identity] = field(default_factory=frozenset)

    def below(
        self, path: bytes, name: bytes, ancestors: tuple[_Identity, ...]
    ) -> Iterator[SourceEntry]:
        for entry in self._entries(path, name):
            if not entry.is_directory:
                yield entry
                continue
            identity = _identity(entry.status)
            if identity in ancestors:
                _log.warning("left out, a link to a directory above it: %a", entry.path)
                continue
            if entry.name != b"pg_tblspc":
                yield entry
            if not self._is_emptied(entry, identity):
                yield from self.below(entry.path, entry.name, (*ancestors, identity))

    def _is_emptied(self, entry: SourceEntry, identity: _Identity) -> bool:
        return (
            is_emptied(os.path.basename(entry.name))
            or identity in self.stored_elsewhere
            or identity in self.emptied
        )

    def _entries(self, path: bytes, name: bytes) -> Iterator[SourceEntry]:
        """What is directly in a directory: its big files, then the rest by name."""
        listing = _Listing.of(path, is_of_database=is_database_directory(name))
        prefix = name + b"/" if name else b""
        for child in self._kept_names(listing, name):
            entry = self._entry(path + b"/" + child, prefix + child)
            if entry is not None and not listing.is_unlogged(child, entry.status):
                yield entry

    def _kept_names(self, listing: "_Listing", name: bytes) -> list[bytes]:
        top = self.item == DATA_ITEM and not name
        names = [
            child
            for child in listing.names
            if not is_left_out(child, in_top_directory=top)
        ]
        if listing.is_of_database:
            names = [child for child in names if not is_temporary_relation(child)]
            return _biggest_first(listing.path, names)
        if top:
            return [child for child in names if child != b"pg_wal"]
        if self.item == DATA_ITEM and name == b"global":
            return [child for child in names if child != b"pg_control"]
        return names

    def _entry(self, path: bytes, name: bytes) -> SourceEntry | None:
        try:
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                if os.path.dirname(name) == b"pg_tblspc":
                    return None
                status = os.stat(path)
        except FileNotFoundError:
            if os.path.islink(path):
                _log.warning("left out, a link to nothing: %a", path)
            return None
        except OSError as error:
            raise _unreadable(path, error) from error
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            _log.warning("left out, neither a file nor a directory: %a", path)
            return None
        return SourceEntry(self.item, name, path, status)


@dataclass(frozen=True, slots=True)
class _Listing:
    """The names in a directory, all read at once.

    A directory that is written to while it is read bit by bit may show a renamed
    file twice.
    """

    path: bytes
    names: tuple[bytes, ...]
    """Sorted, each once."""
    is_of_database: bool
    """Whether relations' files lie in it."""
    init_forks: frozenset[bytes]
    read_at: float
    """When reading began, by the clock that files' times are taken from."""

    @classmethod
    def of(cls, path: bytes, *, is_of_database: bool) -> Self:
        read_at = time.time()
        names = tuple(sorted(set(_listed(path))))
        found = (name for name in names if name.endswith(b"_init"))
        init_forks = frozenset(found) if is_of_database else frozenset()
        return cls(path, names, is_of_database, init_forks, read_at)

    def is_unlogged(self, name: bytes, status: os.stat_result) -> bool:
        """Whether it is a file that recovery makes from the relation's init fork."""
        init_fork = init_fork_of(name) if self.is_of_database else None
        if init_fork is None:
            return False
        if init_fork in self.init_forks:
            return True
        # A relation made while we read the directory: its main fork may have been
        # seen and its init fork, made later, not.
        is_new = status.st_ctime > self.read_at - _CLOCK_TICK_SECONDS
        return is_new and os.path.lexists(self.path + b"/" + init_fork)


def _listed(path: bytes) -> list[bytes]:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(path, error) from error


def _biggest_first(directory: bytes, names: list[bytes]) -> list[bytes]:
    """Names with the big files in front, so that workers end at about the same time."""
    sizes: dict[bytes, int] = {}
    for name in names:
        try:
            size = os.lstat(directory + b"/" + name).st_size
        except OSError:
            continue  # gone, or to be complained of when its turn comes
        if size >= _BIG_FILE_SIZE:
            sizes[name] = size
    big = sorted(sizes, key=lambda name: -sizes[name])
    return big + [name for name in names if name not in sizes]
