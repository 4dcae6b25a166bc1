"""Where the members of each volume go, and what their names may be."""

import re
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Final, Self

from cloudhoard.domain.archive_layout import DATA_ITEM
from cloudhoard.domain.restored_path import (
    PG_CONTROL,
    PG_WAL,
    TEMPORARY_SUFFIX,
    check_data_file,
    check_data_path,
    shown_path,
    split_path,
)
from cloudhoard.errors import InvalidFormat
from cloudhoard.operations.target_tree import TargetTree, TreeWriter

STAGED_CONTROL: Final = PG_CONTROL + TEMPORARY_SUFFIX.encode()
"""pg_control until all else is in place: without it no server starts."""

_TOP: Final = b"."
_TABLESPACES: Final = b"pg_tblspc"
_IN_TABLESPACE: Final = re.compile(rb"PG_[0-9]+_[0-9]+")


class TreePlace:
    """One thread's way of writing below one of the trees; names are checked here."""

    def __init__(self, tree: TargetTree) -> None:
        self._writer = TreeWriter(tree)
        self._files: list[tuple[bytes, ...]] = []

    def make_directory(self, name: bytes) -> None:
        """Make a directory and those above it.

        Raises:
            DamagedError: it cannot be part of a backup, or its name is taken.
        """
        self._writer.make_directory(self._components(name))

    def create_file(self, name: bytes) -> int:
        """Return a descriptor of a new file.

        Raises:
            DamagedError: as make_directory.
        """
        components = self._components(name)
        descriptor = self._writer.create_file(components)
        self._files.append(components)
        return descriptor

    def fsync(self) -> None:
        """Make the content of all files made so far durable."""
        self._writer.fsync_files(self._files)
        self._files.clear()

    def close(self) -> None:
        """Close descriptors; the tree stays open."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _components(self, name: bytes) -> tuple[bytes, ...]:
        return split_path(name)


class TablespacePlace(TreePlace):
    """The place of a tablespace's volumes: only a directory of a major version."""

    def create_file(self, name: bytes) -> int:
        """Return a descriptor of a new file."""
        if b"/" not in name:
            raise InvalidFormat(f"{shown_path(name)} cannot be in a tablespace")
        return super().create_file(name)

    def _components(self, name: bytes) -> tuple[bytes, ...]:
        components = split_path(name)
        if _IN_TABLESPACE.fullmatch(components[0]) is None:
            raise InvalidFormat(f"{shown_path(name)} cannot be in a tablespace")
        return components


class DataPlace(TreePlace):
    """The place of the data directory's volumes."""

    def __init__(
        self, tree: TargetTree, wal_tree: TargetTree | None, oids: Collection[str]
    ) -> None:
        super().__init__(tree)
        self._wal = None if wal_tree is None else TreePlace(wal_tree)
        self._elsewhere = frozenset((_TABLESPACES, oid.encode()) for oid in oids)

    def make_directory(self, name: bytes) -> None:
        """Make a directory; the top one and pg_wal may have been made already."""
        if name == _TOP:
            return
        name = name.removeprefix(b"./")
        check_data_path(name)
        if name == PG_CONTROL:
            raise InvalidFormat(f"{shown_path(name)} is a directory in the backup")
        if self._wal is None or not _is_wal(name):
            super().make_directory(name)
        elif name != PG_WAL:
            self._wal.make_directory(_below_wal(name))

    def create_file(self, name: bytes) -> int:
        """Return a descriptor of a new file; pg_control gets another name first."""
        if name == PG_CONTROL:
            name = STAGED_CONTROL
        else:
            check_data_file(name)
        if self._wal is not None and _is_wal(name):
            return self._wal.create_file(_below_wal(name))
        return super().create_file(name)

    def fsync(self) -> None:
        """Make the content of all files made so far durable."""
        super().fsync()
        if self._wal is not None:
            self._wal.fsync()

    def close(self) -> None:
        """Close descriptors; the trees stay open."""
        super().close()
        if self._wal is not None:
            self._wal.close()

    def _components(self, name: bytes) -> tuple[bytes, ...]:
        components = split_path(name)
        if components[:2] in self._elsewhere:
            raise InvalidFormat(f"{shown_path(name)} belongs to a tablespace")
        return components


class RestoreTrees:
    """Every directory of a restore, open."""

    def __init__(
        self,
        data: TargetTree,
        tablespaces: Mapping[str, TargetTree],
        wal: TargetTree | None,
    ) -> None:
        self.data = data
        self.tablespaces = tablespaces
        self.wal = wal

    def place_for(self, item: str) -> TreePlace:
        """Where the volumes of an item go."""
        if item == DATA_ITEM:
            return DataPlace(self.data, self.wal, self.tablespaces.keys())
        return TablespacePlace(self.tablespaces[item])

    def fsync_directories(self) -> None:
        """Make all names durable."""
        for tree in (self.data, self.wal, *self.tablespaces.values()):
            if tree is not None:
                tree.fsync_directories()


def _is_wal(name: bytes) -> bool:
    return name == PG_WAL or name.startswith(PG_WAL + b"/")


def _below_wal(name: bytes) -> bytes:
    return name.removeprefix(PG_WAL + b"/")
