"""A WAL file of this machine, opened and checked, as archive_command names it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from cloudhoard.domain.control_data import ControlData
from cloudhoard.domain.timeline import TimelineHistory, history_file_name
from cloudhoard.domain.wal_file import WalFile, WalFileKind
from cloudhoard.domain.wal_header import (
    LONG_HEADER_SIZE,
    WalHeader,
    check_segment_header,
)
from cloudhoard.errors import CloudHoardError, OperationFailed
from cloudhoard.postgres.control_file import read_control_data
from cloudhoard.streams import read_exactly

SMALL_FILE_LIMIT: Final = 1 << 20
"""Most bytes a history or backup history file may have: they are a few lines."""

_CONTROL_FILE: Final = Path("global", "pg_control")


@dataclass(frozen=True, slots=True)
class LocalWal:
    """An open WAL file; what it says about itself has been checked."""

    path: Path
    file: WalFile
    content: BinaryIO
    """Open at an arbitrary position."""
    status: os.stat_result
    """As it was when the file was opened."""
    data_directory: Path | None
    system_identifier: int
    segment_size: int
    warnings: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.status.st_size

    def check_unchanged(self) -> None:
        """Prove that path still is the file that was opened, as it was then.

        PostgreSQL recycles a segment as soon as any process has acknowledged it.

        Raises:
            OperationFailed: it was replaced or written to.
        """
        now = self.path.stat()
        for field in ("st_dev", "st_ino", "st_size", "st_mtime_ns"):
            if getattr(now, field) != getattr(self.status, field):
                raise OperationFailed(f"{self.path} changed while it was being read")


@contextmanager
def opened_local_wal(path: Path) -> Iterator[LocalWal]:
    """Open the WAL file at path and check that it is what its name says.

    Raises:
        InvalidWalName: the name is no WAL file's.
        WalMismatch: the name and the content disagree.
        InvalidFormat: the content is not WAL, or not a timeline history.
        OperationFailed: whose file it is cannot be told.
        OSError: it cannot be read.
    """
    file = WalFile.parse(path.name)
    data_directory = find_data_directory(path)
    with path.open("rb", buffering=0) as content:
        status = os.fstat(content.fileno())
        if file.kind in (WalFileKind.SEGMENT, WalFileKind.PARTIAL):
            facts = _segment_facts(path, file, content)
        else:
            facts = _text_facts(path, file, content, data_directory)
        yield LocalWal(path, file, content, status, data_directory, *facts)


def find_data_directory(path: Path) -> Path | None:
    """The data directory that the WAL file path lies in; None when it lies elsewhere.

    That is the directory above the file's own as the path is written, for pg_wal may
    be a symbolic link. Where somebody has resolved that link, the working directory
    tells: PostgreSQL runs its commands in the data directory.
    """
    lexical = path.absolute().parent.parent
    if (lexical / _CONTROL_FILE).is_file():
        return lexical
    try:
        working = Path.cwd()
    except FileNotFoundError:  # it was removed
        return None
    is_its_pg_wal = (working / "pg_wal").resolve() == path.parent.resolve()
    if is_its_pg_wal and (working / _CONTROL_FILE).is_file():
        return working
    return None


def read_history(directory: Path, timeline: int) -> TimelineHistory | None:
    """The history of timeline if its file is in directory and readable."""
    try:
        with (directory / history_file_name(timeline)).open("rb") as file:
            text = file.read(SMALL_FILE_LIMIT)
        return TimelineHistory.parse(timeline, decode_history(text))
    except (OSError, CloudHoardError):
        return None


def decode_history(data: bytes) -> str:
    """The text of a history file; its comments may be in any encoding."""
    return data.decode("utf-8", errors="surrogateescape")


def newer_histories(directory: Path, timeline: int) -> Iterator[TimelineHistory]:
    """The readable histories in directory of timelines after timeline."""
    for path in directory.glob("*.history"):
        try:
            newer = WalFile.parse(path.name).timeline
        except CloudHoardError:
            continue
        history = read_history(directory, newer) if newer > timeline else None
        if history is not None:
            yield history


class _Facts(NamedTuple):
    """Whose file it is, by its content or by the cluster it lies in."""

    system_identifier: int
    segment_size: int
    warnings: tuple[str, ...] = ()


def _segment_facts(path: Path, file: WalFile, content: BinaryIO) -> _Facts:
    header = WalHeader.parse(read_exactly(content, LONG_HEADER_SIZE))
    history = None
    if header.timeline < file.timeline:
        history = read_history(path.parent, file.timeline)
    warnings = check_segment_header(
        header,
        file,
        file_size=os.fstat(content.fileno()).st_size,
        system_identifier=header.system_identifier,
        history=history,
    )
    return _Facts(header.system_identifier, header.segment_size, warnings)


def _text_facts(
    path: Path, file: WalFile, content: BinaryIO, data_directory: Path | None
) -> _Facts:
    text = read_exactly(content, SMALL_FILE_LIMIT + 1)
    if len(text) > SMALL_FILE_LIMIT:
        raise OperationFailed(f"{path} has more than {SMALL_FILE_LIMIT} bytes")
    if file.kind is WalFileKind.HISTORY:
        TimelineHistory.parse(file.timeline, decode_history(text))
    control = _control_data(path, data_directory)
    return _Facts(control.system_identifier, control.segment_size)


def _control_data(path: Path, data_directory: Path | None) -> ControlData:
    """The cluster's own word on which it is: these files do not say."""
    if data_directory is None:
        raise OperationFailed(
            f"cannot tell which cluster {path} belongs to: its directory is not that of"
            " a data directory with a global/pg_control",
            hint="run it in the data directory, with the path that %p gives",
        )
    try:
        return read_control_data(data_directory)
    except (OSError, CloudHoardError) as error:
        raise OperationFailed(
            f"cannot tell which cluster {path} belongs to: {error}"
        ) from error
