"""Objects as files of a directory, on a local disk or a mounted file server.

The URL's directory must exist. What is below it is reached by descriptors and
without following links. A directory that is not mounted is empty too: the witnesses
tell whether an object that is not found is absent. See docs/storage.md.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby

from cloudhoard.storage.directory import Directory
from cloudhoard.storage.directory_deletion import delete_files
from cloudhoard.storage.directory_listing import KeyRange, object_info, walk
from cloudhoard.storage.directory_upload import DirectoryUpload
from cloudhoard.storage.errors import (
    ContainerNotFound,
    ObjectExists,
    ObjectNotFound,
    StorageUnavailable,
)
from cloudhoard.storage.file_streams import FileSink, FileSource, close_on_error, settle
from cloudhoard.storage.object_key import check_key, check_prefix
from cloudhoard.storage.os_errors import os_errors_as_storage_errors
from cloudhoard.storage.protocol import ObjectInfo
from cloudhoard.storage.temporary_file import sweep
from cloudhoard.storage.witnesses import is_witness_seen
from cloudhoard.streams import ByteSink, ByteSource


class LocalStorage:
    """A storage below ``container/prefix`` on this machine."""

    def __init__(
        self, container: str, prefix: str = "", *, witnesses: Sequence[str] = ()
    ) -> None:
        self._container = container
        self._prefix = [name for name in prefix.split("/") if name]
        self._witnesses = tuple(witnesses)

    @property
    def location(self) -> str:
        return "/".join([f"file://{self._container}".rstrip("/"), *self._prefix])

    def stat(self, key: str) -> ObjectInfo:
        *names, name = check_key(key).split("/")
        with self._doing(f"look for {key}"), ExitStack() as stack:
            root = self._open_root(stack)
            parent = _descend(root, names, stack)
            status = parent.status(name) if parent else None
            if status is None:
                raise self._absent(key, root)
        return object_info(key, status.st_size, status.st_mtime)

    @contextmanager
    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[ByteSource]:
        with self._doing(f"read {key}"):
            descriptor, size = self._open_object(key)
        try:
            left = max(0, size - offset)
            os.lseek(descriptor, offset, os.SEEK_SET)
            wanted = left if length is None else min(left, length)
            yield FileSource(descriptor, wanted, f"{key} in {self.location}")
        finally:
            os.close(descriptor)

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        path, slash, _ = check_prefix(prefix).rpartition("/")
        is_empty = True
        with ExitStack() as stack:
            with self._doing(f"list {prefix}*"):
                root = self._open_root(stack)
                parent = _descend(root, path.split("/") if path else [], stack)
            if parent is not None:
                for info in walk(parent, path + slash, KeyRange(prefix, start_after)):
                    is_empty = False
                    yield info
            if is_empty and (prefix or start_after):
                with self._doing(f"list {prefix}*"):
                    self._need_witness(root)

    @contextmanager
    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> Iterator[ByteSink]:
        check_key(key)
        with ExitStack() as stack:
            with self._doing(f"write {key}"):
                upload = self._begin_upload(key, stack, overwrite=overwrite)
            yield FileSink(upload.descriptor, at_most, f"{key} to {self.location}")
            with self._doing(f"write {key}"):
                try:
                    upload.commit(overwrite=overwrite)
                except FileExistsError as error:
                    raise self._already(key) from error

    def delete_objects(self, keys: Iterable[str]) -> None:
        for path, group in groupby(map(check_key, keys), _path_of):
            names = path.split("/") if path else []
            files = [key.rpartition("/")[2] for key in group]
            with self._doing(f"delete in {path}/"), ExitStack() as stack:
                root = self._open_root(stack)
                if root is None or not delete_files(root, names, files):
                    self._need_witness(root)

    def trust_conditions(self, *, honoured: bool) -> None:
        pass  # creation is exclusive here

    def drop_unfinished(self, prefix: str) -> None:
        pass  # the next writer or deletion in a directory does

    def check_access(self) -> None:
        with self._doing("list the archive"), ExitStack() as stack:
            root = self._open_root(stack) or self._open_container(stack)
            next(root.entries(), None)

    def close(self) -> None:
        pass

    @contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        with os_errors_as_storage_errors(f"{what} in {self.location}"):
            yield

    def _open_container(self, stack: ExitStack) -> Directory:
        try:
            return stack.enter_context(Directory.open(self._container))
        except (FileNotFoundError, NotADirectoryError) as error:
            message = f"there is no directory {self._container}"
            hint = f"mount it, or create it: mkdir -p -m 700 '{self._container}'"
            raise ContainerNotFound(message, hint=hint) from error

    def _open_root(self, stack: ExitStack) -> Directory | None:
        """Open the archive's directory; None while there is no archive."""
        container = self._open_container(stack)
        try:
            root = container.descend(self._prefix, may_be_mounted=True)
        except FileNotFoundError:
            return None
        return stack.enter_context(root)

    def _open_object(self, key: str) -> tuple[int, int]:
        """Open the file of key; return it and its size."""
        *names, name = check_key(key).split("/")
        with ExitStack() as stack:
            root = self._open_root(stack)
            parent = _descend(root, names, stack)
            found = parent.open_file(name) if parent else None
            if parent is None or found is None:
                raise self._absent(key, root)
            descriptor, status = found
            with close_on_error(descriptor):
                settle(parent, descriptor, status.st_ctime)
        return descriptor, status.st_size

    def _begin_upload(
        self, key: str, stack: ExitStack, *, overwrite: bool
    ) -> DirectoryUpload:
        path = [self._open_container(stack)]
        may_make = not self._witnesses or key == self._witnesses[0]
        for name in self._prefix:
            open_child = path[-1].make_child if may_make else path[-1].child
            try:
                child = open_child(name, may_be_mounted=True)
            except FileNotFoundError as error:
                raise self._unwitnessed() from error
            path.append(stack.enter_context(child))
        if not may_make:
            self._need_witness(path[-1])
        self._refuse_existing(path[-1], key, overwrite=overwrite)
        return DirectoryUpload.begin(path, key, stack)

    def _refuse_existing(self, root: Directory, key: str, *, overwrite: bool) -> None:
        """Raise ObjectExists, once what exists is durable, if key is taken."""
        *names, name = key.split("/")
        with ExitStack() as stack:
            parent = _descend(root, names, stack)
            if overwrite or parent is None:
                return
            found = parent.open_file(name)
            if found is None:
                return
            sweep(parent)
            descriptor, status = found
            stack.callback(os.close, descriptor)
            settle(parent, descriptor, status.st_ctime)
        raise self._already(key)

    def _already(self, key: str) -> ObjectExists:
        return ObjectExists(f"{key} is already in {self.location}")

    def _absent(self, key: str, root: Directory | None) -> ObjectNotFound:
        """Return the error that says so, with authority.

        Raises:
            StorageUnavailable: there is none.
        """
        if key not in self._witnesses[:1]:
            self._need_witness(root)
        return ObjectNotFound(f"there is no {key} in {self.location}")

    def _need_witness(self, root: Directory | None) -> None:
        """Raise StorageUnavailable unless root is known to be the archive."""
        if not self._witnesses:
            return
        if root is None or not is_witness_seen(root, self._witnesses):
            raise self._unwitnessed()

    def _unwitnessed(self) -> StorageUnavailable:
        message = (
            f"there is no archive in {self.location}: no {self._witnesses[0]}, so "
            "whether an object is absent is not known"
        )
        return StorageUnavailable(message, hint="is it mounted? is SERVER_NAME right?")


def _descend(
    root: Directory | None, names: Sequence[str], stack: ExitStack
) -> Directory | None:
    """Open the directory that names lead to from root; None when it is not there."""
    if root is None:
        return None
    try:
        return stack.enter_context(root.descend(names))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _path_of(key: str) -> str:
    return key.rpartition("/")[0]
