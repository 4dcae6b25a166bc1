"""A directory that a restore fills, reached through descriptors and never a link.

Whoever may write into the directory meanwhile can spoil the restore, but cannot lead
it elsewhere: each component of a path is opened by itself, below the one before.
"""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cloudhoard.domain.restored_path import shown_path
from cloudhoard.errors import DamagedError

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_A_DIRECTORY: Final = frozenset({errno.ENOTDIR, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom restored files are given to; only root can."""

    user_id: int
    group_id: int


class TargetTree:
    """An existing directory, open until close(); threads may share it."""

    def __init__(self, path: Path, *, owner: Owner | None = None) -> None:
        self.path = path
        self.owner = owner
        self.descriptor = os.open(path, _DIRECTORY & ~os.O_NOFOLLOW)
        self._directories: set[tuple[bytes, ...]] = {()}

    def take_over(self) -> None:
        """Give the top directory the mode and the owner of what will be in it."""
        os.fchmod(self.descriptor, 0o700)
        self.give(self.descriptor)

    def give(self, descriptor: int) -> None:
        """Give an open file or directory to the owner, if there is one."""
        if self.owner is not None:
            os.fchown(descriptor, self.owner.user_id, self.owner.group_id)

    def open_directory(self, components: Sequence[bytes]) -> int:
        """A descriptor of a directory, which is made, 0700, where it is missing.

        Raises:
            DamagedError: something else has the name of one of the components.
        """
        descriptor = os.dup(self.descriptor)
        try:
            for depth in range(1, len(components) + 1):
                below = self._step(descriptor, tuple(components[:depth]))
                os.close(descriptor)
                descriptor = below
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    @contextmanager
    def directory(self, components: Sequence[bytes]) -> Iterator[int]:
        """The descriptor that open_directory gives, closed after the block."""
        descriptor = self.open_directory(components)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def create_file(self, parent: int, name: bytes | str) -> int:
        """A descriptor of a new, empty file, 0600, whatever the umask.

        parent is the descriptor of its directory.

        Raises:
            FileExistsError: the name is taken.
        """
        descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        try:
            os.fchmod(descriptor, 0o600)
            self.give(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def fsync_directories(self) -> None:
        """Make the names in every directory that was opened here durable."""
        for components in sorted(self._directories):
            with self.directory(components) as descriptor:
                os.fsync(descriptor)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _step(self, parent: int, components: tuple[bytes, ...]) -> int:
        name = components[-1]
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
            made = True
        except FileExistsError:
            made = False
        try:
            descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
        except OSError as error:
            if error.errno in _NOT_A_DIRECTORY:
                path = shown_path(b"/".join(components))
                raise DamagedError(f"{path} is not a directory") from error
            raise
        if made:
            os.fchmod(descriptor, 0o700)
            self.give(descriptor)
        self._directories.add(components)
        return descriptor


def open_file(parent: int, name: bytes | str) -> int:
    """A descriptor to read a file through; parent is that of its directory."""
    return os.open(name, _OLD_FILE, dir_fd=parent)


class TreeWriter:
    """One thread's way into a tree; the directory it used last stays open."""

    def __init__(self, tree: TargetTree) -> None:
        self._tree = tree
        self._directory: tuple[bytes, ...] = ()
        self._descriptor = os.dup(tree.descriptor)

    def make_directory(self, components: Sequence[bytes]) -> None:
        """Make a directory and those above it; it may be there already.

        Raises:
            DamagedError: something else has its name.
        """
        self._enter(tuple(components))

    def create_file(self, components: Sequence[bytes]) -> int:
        """A descriptor of a new, empty file, 0600, whatever the umask.

        Raises:
            DamagedError: the name is taken.
        """
        *directory, name = components
        self._enter(tuple(directory))
        try:
            return self._tree.create_file(self._descriptor, name)
        except FileExistsError as error:
            path = shown_path(b"/".join(components))
            raise DamagedError(f"{path} is twice in the backup") from error

    def fsync_files(self, paths: Iterable[Sequence[bytes]]) -> None:
        """Make the content of existing files durable."""
        for *directory, name in paths:
            self._enter(tuple(directory))
            descriptor = open_file(self._descriptor, name)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Close the descriptor; the tree stays open."""
        os.close(self._descriptor)

    def _enter(self, components: tuple[bytes, ...]) -> None:
        if components == self._directory:
            return
        descriptor = self._tree.open_directory(components)
        os.close(self._descriptor)
        self._descriptor = descriptor
        self._directory = components

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
