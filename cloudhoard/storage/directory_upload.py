"""One object on its way into a directory: whole and durable, or never seen."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from cloudhoard.storage.directory import Directory
from cloudhoard.storage.exclusive_create import publish
from cloudhoard.storage.temporary_file import TemporaryFile, sweep

_ATTEMPTS: Final = 20
"""A deleter may remove an empty directory just before our file is in it."""


class DirectoryUpload:
    """A temporary file beside its future name, and the steps that publish it."""

    def __init__(
        self, path: Sequence[Directory], name: str, file: TemporaryFile
    ) -> None:
        self._path = path
        self._name = name
        self._file = file

    @classmethod
    def begin(
        cls, above: Sequence[Directory], key: str, stack: ExitStack
    ) -> "DirectoryUpload":
        """Make the directories of key and its temporary file.

        Args:
            above: open directories whose names must be durable too; the last is the
                one that key is relative to.
            key: the object's.
            stack: keeps descriptors open; leaving it removes the temporary file.

        Raises:
            OSError, StorageUnavailable: as Directory.make_child and open(2).
        """
        for _ in range(_ATTEMPTS - 1):
            try:
                return cls._try_to_begin(above, key, stack)
            except FileNotFoundError:
                continue
        return cls._try_to_begin(above, key, stack)

    @classmethod
    def _try_to_begin(
        cls, above: Sequence[Directory], key: str, stack: ExitStack
    ) -> "DirectoryUpload":
        *names, name = key.split("/")
        with ExitStack() as opened:
            path = list(above)
            for directory in names:
                path.append(opened.enter_context(path[-1].make_child(directory)))
            sweep(path[-1])
            file = TemporaryFile.create(path[-1], name)
            opened.callback(file.remove)
            stack.enter_context(opened.pop_all())
        return cls(path, name, file)

    @property
    def descriptor(self) -> int:
        """The temporary file."""
        return self._file.descriptor

    def commit(self, *, overwrite: bool) -> None:
        """Make the object appear, whole and durable.

        Raises:
            FileExistsError: something has that key and keeps it; not if overwrite.
            OSError: the object does not appear.
        """
        os.fsync(self.descriptor)
        *above, parent = self._path
        # Before the object can be seen: who finds it may take its path for durable.
        for directory in above:
            directory.sync()
        self._publish(parent.descriptor, overwrite=overwrite)
        try:
            parent.sync()
        except OSError:
            if not overwrite:  # or the next attempt would find it and call it safe
                os.unlink(self._name, dir_fd=parent.descriptor)
            raise

    def _publish(self, parent: int, *, overwrite: bool) -> None:
        temporary, name = self._file.name, self._name
        if overwrite:
            os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
        else:
            publish(parent, temporary, name, self.descriptor)
