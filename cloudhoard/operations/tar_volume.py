"""One tar of a base backup, written from files that may change meanwhile."""

import hashlib
import logging
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from cloudhoard.domain.archive_layout import DATA_ITEM
from cloudhoard.domain.manifest import ManifestEntry
from cloudhoard.operations.tar_header import (
    END_OF_TAR,
    directory_header,
    file_header,
    padding_after,
)
from cloudhoard.postgres.data_directory import SourceEntry
from cloudhoard.postgres.errors import UnreadableFile
from cloudhoard.streams import COPY_SIZE, ByteSink

_log = logging.getLogger(__name__)


class MemberBytes(NamedTuple):
    """A file's content that is in memory already."""

    name: bytes
    content: bytes
    status: os.stat_result
    """Mode, owner and time to store it with."""


class TarVolume:
    """A tar that fills up: members go out to sink, manifest entries stay here."""

    def __init__(
        self, sink: ByteSink, item: str, *, on_progress: Callable[[int], None]
    ) -> None:
        self._sink = sink
        self._name_prefix = (
            b"" if item == DATA_ITEM else b"pg_tblspc/%s/" % item.encode()
        )
        self._on_progress = on_progress
        # Two by turns: a sink that writes behind still reads the last one.
        self._buffer = memoryview(bytearray(COPY_SIZE))
        self._other = memoryview(bytearray(COPY_SIZE))
        self._filled = 0
        self._sent = 0
        self.entries: list[ManifestEntry] = []
        """One for each file so far, in the order of the members."""

    @property
    def size(self) -> int:
        """Bytes of tar so far, without its end."""
        return self._sent + self._filled

    def add(self, entry: SourceEntry) -> None:
        """Append what the walk came across; raises as add_file."""
        if entry.is_directory:
            self.add_directory(entry.name, entry.status)
        else:
            self.add_file(entry)

    def add_directory(
        self, name: bytes, status: os.stat_result, *, mode: int | None = None
    ) -> None:
        """Append a directory; mode, if given, instead of the one in status."""
        self._put(directory_header(name, status, mode=mode))

    def add_bytes(self, member: MemberBytes) -> None:
        """Append a regular file with the given content."""
        size = len(member.content)
        self._put(file_header(member.name, size, member.status))
        self._put(member.content)
        self._pad(padding_after(size))
        digest = hashlib.sha256(member.content).digest()
        self._remember(member.name, size, member.status, digest)

    def add_file(self, entry: SourceEntry) -> None:
        """Append a file as it is now, but never more of it than entry says.

        What grew is in the WAL.  What shrank is filled up with zeros, as PostgreSQL
        does, because its size is in the tar already.  A file that has vanished is
        left out.

        Raises:
            UnreadableFile: it is there and cannot be read.
        """
        try:
            descriptor = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unreadable(entry, error) from error
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                self._add_open_file(descriptor, entry, status)
            else:
                _log.warning("left out, it is no file any more: %a", entry.path)
        finally:
            os.close(descriptor)

    def finish(self) -> None:
        """Append the end of the tar and send the rest."""
        self._put(END_OF_TAR)
        self._flush()

    def _add_open_file(
        self, descriptor: int, entry: SourceEntry, status: os.stat_result
    ) -> None:
        size = min(status.st_size, entry.status.st_size)
        self._put(file_header(entry.name, size, status))
        digest = hashlib.sha256()
        missing = size
        while missing:
            room = self._room()
            place = self._buffer[self._filled : self._filled + min(room, missing)]
            try:
                count = os.readv(descriptor, [place])
            except OSError as error:
                raise _unreadable(entry, error) from error
            if count == 0:
                count = len(place)
                place[:] = bytes(count)
            digest.update(place[:count])
            self._filled += count
            missing -= count
        self._pad(padding_after(size))
        self._remember(entry.name, size, status, digest.digest())

    def _remember(
        self, name: bytes, size: int, status: os.stat_result, digest: bytes
    ) -> None:
        modified_at = datetime.fromtimestamp(int(status.st_mtime), tz=UTC)
        self.entries.append(
            ManifestEntry(self._name_prefix + name, size, modified_at, digest)
        )

    def _pad(self, size: int) -> None:
        if size:
            self._put(_ZEROS[:size])

    def _put(self, data: bytes) -> None:
        start = 0
        while start < len(data):
            count = min(self._room(), len(data) - start)
            self._buffer[self._filled : self._filled + count] = data[
                start : start + count
            ]
            self._filled += count
            start += count

    def _room(self) -> int:
        """Bytes free in the buffer, never none."""
        if self._filled == COPY_SIZE:
            self._flush()
        return COPY_SIZE - self._filled

    def _flush(self) -> None:
        if self._filled:
            self._on_progress(self._filled)
            self._sink.write(self._buffer[: self._filled])
            self._buffer, self._other = self._other, self._buffer
        self._sent += self._filled
        self._filled = 0


_ZEROS: Final = bytes(512)


def _unreadable(entry: SourceEntry, error: OSError) -> UnreadableFile:
    return UnreadableFile(
        f"cannot read {os.fsdecode(entry.path)}: {error.strerror}",
        hint="run the backup as the user that PostgreSQL runs as",
    )
