"""The content of archived WAL files, decoded and checked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.domain.timeline import TimelineHistory
from cloudhoard.domain.wal_file import WalFile, WalFileKind
from cloudhoard.domain.wal_header import (
    LONG_HEADER_SIZE,
    WalHeader,
    WalMismatch,
    check_segment_header,
)
from cloudhoard.errors import DamagedError, InvalidFormat
from cloudhoard.operations.local_wal import (
    SMALL_FILE_LIMIT,
    decode_history,
    read_history,
)
from cloudhoard.operations.wal_variants import StoredWal, find_variants
from cloudhoard.storage.errors import ObjectNotFound, StorageUnavailable
from cloudhoard.storage.protocol import ReadableStorage
from cloudhoard.streams import COPY_SIZE, ByteSource, copy_stream, read_exactly

_LARGEST_SEGMENT: Final = 1 << 30


class UnequalVariants(DamagedError):
    """Two objects hold one WAL file, with different content."""


@dataclass(frozen=True, slots=True)
class ExpectedCluster:
    """Whose WAL it must be, as far as is known."""

    system_identifier: int | None = None
    segment_size: int | None = None


@dataclass(frozen=True, slots=True)
class StoredWalReader:
    """Reads WAL files of one cluster from an archive."""

    storage: ReadableStorage
    decoding: Decoding
    cluster: ExpectedCluster

    def fetch(
        self,
        file: WalFile,
        variants: Sequence[StoredWal],
        sink: BinaryIO,
        pg_wal: Path,
    ) -> tuple[str, ...]:
        """Write the content of file to sink, and return warnings about it.

        sink is empty and can be read as well. pg_wal is where histories may lie.

        Raises:
            DamagedError: an object is not sound, is not this file, or differs from
                another one of the same name.
        """
        first, *others = variants
        with self._opened(file, first) as content:
            copy_stream(content, sink)
        warnings = self._checked(file, first, sink, pg_wal)
        for other in others:
            sink.seek(0)
            with self._opened(file, other) as content:
                if not _is_equal(content, sink):
                    raise UnequalVariants(
                        f"{first.key} and {other.key} hold different content",
                        hint="move the wrong one away",
                    )
        return warnings

    def history(self, timeline_file: WalFile) -> TimelineHistory | None:
        """The archived history file, None where the archive has none."""
        variants = find_variants(self.storage, timeline_file.name)
        if not variants:
            return None
        with self._opened(timeline_file, variants[0]) as content:
            data = read_exactly(content, SMALL_FILE_LIMIT)
        return _parse_history(timeline_file, data)

    @contextmanager
    def _opened(self, file: WalFile, stored: StoredWal) -> Iterator[ByteSource]:
        is_segment = file.kind in (WalFileKind.SEGMENT, WalFileKind.PARTIAL)
        segment_size = self.cluster.segment_size or _LARGEST_SEGMENT
        try:
            with (
                self.storage.open_read(stored.key) as source,
                decoded(
                    source,
                    stored.suffix,
                    self.decoding,
                    name=stored.key,
                    system_identifier=self.cluster.system_identifier,
                    at_most=segment_size if is_segment else SMALL_FILE_LIMIT,
                ) as content,
            ):
                yield content
        except ObjectNotFound as error:
            # It was listed a moment ago: this is no answer to rely on.
            raise StorageUnavailable(f"{stored.key} went away: {error}") from error

    def _checked(
        self, file: WalFile, stored: StoredWal, sink: BinaryIO, pg_wal: Path
    ) -> tuple[str, ...]:
        size = sink.tell()
        sink.seek(0)
        try:
            if file.kind is WalFileKind.HISTORY:
                _parse_history(file, sink.read(SMALL_FILE_LIMIT))
            if file.kind in (WalFileKind.SEGMENT, WalFileKind.PARTIAL):
                return self._check_segment(file, sink, size, pg_wal)
        except (WalMismatch, DamagedError) as error:
            raise DamagedError(f"{stored.key}: {error}", hint=error.hint) from error
        return ()

    def _check_segment(
        self, file: WalFile, sink: BinaryIO, size: int, pg_wal: Path
    ) -> tuple[str, ...]:
        header = WalHeader.parse(sink.read(LONG_HEADER_SIZE))
        expected = self.cluster.system_identifier
        history = None
        if header.timeline < file.timeline:
            history = read_history(pg_wal, file.timeline)
        return check_segment_header(
            header,
            file,
            file_size=size,
            system_identifier=(
                header.system_identifier if expected is None else expected
            ),
            history=history,
        )


def _parse_history(file: WalFile, data: bytes) -> TimelineHistory:
    if not data:  # as a cut snappy file can be; PostgreSQL never writes it
        raise InvalidFormat(f"{file.name} is empty")
    return TimelineHistory.parse(file.timeline, decode_history(data))


def _is_equal(content: ByteSource, file: BinaryIO) -> bool:
    """Whether content, read to its end, is what follows in file."""
    same = True
    while block := content.read(COPY_SIZE):
        same = same and read_exactly(file, len(block)) == block
    return same and not file.read(1)
