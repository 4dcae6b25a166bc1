"""Data directories made by hand: a control file, and WAL files with true headers."""

import random
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloudhoard.commands import wal_archive, wal_restore
from cloudhoard.domain.crc32c import crc32c
from cloudhoard.domain.wal import WalSegment

SYSTEM: Final = 7_300_000_000_000_000_001
OTHER_SYSTEM: Final = 7_300_000_000_000_000_002
SEGMENT_SIZE: Final = 1 << 20

FIRST: Final = "000000010000000000000001"
SECOND: Final = "000000010000000000000002"
THIRD: Final = "000000010000000000000003"
FIRST_KEY: Final = f"wals/0000000100000000/{FIRST}"
LABEL: Final = f"{FIRST}.00000028.backup"
HISTORY: Final = "00000002.history"
HISTORY_TEXT: Final = b"1\t0/180000\tno recovery target specified\n"
"""Timeline 2 begins in the middle of the first segment."""
IDENTITY: Final = "cloudhoard/archive.json"

_GOLDEN: Final = Path(__file__).parents[1] / "golden" / "postgres" / "15" / "pg_control"
_MAGIC_15: Final = 0xD110
_LONG_HEADER: Final = 2
_SEGMENT_SIZE_AT: Final = 228
_CRC_AT: Final = 288


def segment_bytes(
    name: str,
    *,
    seed: int = 0,
    system: int = SYSTEM,
    segment_size: int = SEGMENT_SIZE,
    header_timeline: int | None = None,
    magic: int = _MAGIC_15,
) -> bytes:
    """A segment with the header that its name asks for, and some content by seed."""
    segment = WalSegment.parse(name[:24], segment_size=segment_size)
    header = struct.pack(
        "<HHIQI4xQII",
        magic,
        _LONG_HEADER,
        header_timeline or segment.timeline,
        segment.start_lsn.position,
        0,
        system,
        segment_size,
        8192,
    )
    body = random.Random(f"{name[:24]}{seed}").randbytes(64 * 1024)  # noqa: S311
    return (header + body).ljust(segment_size, b"\0")


def control_bytes(*, system: int = SYSTEM, segment_size: int = SEGMENT_SIZE) -> bytes:
    """A control file of PostgreSQL 15 for that cluster."""
    data = bytearray(_GOLDEN.read_bytes())
    struct.pack_into("<Q", data, 0, system)
    struct.pack_into("<I", data, _SEGMENT_SIZE_AT, segment_size)
    struct.pack_into("<I", data, _CRC_AT, crc32c(bytes(data[:_CRC_AT])))
    return bytes(data)


@dataclass(frozen=True)
class DataDirectory:
    """The parts of a data directory that wal-archive and wal-restore look at."""

    path: Path
    system: int = SYSTEM
    segment_size: int = SEGMENT_SIZE

    def __post_init__(self) -> None:
        (self.path / "global").mkdir(parents=True)
        (self.path / "pg_wal").mkdir()
        control = control_bytes(system=self.system, segment_size=self.segment_size)
        (self.path / "global" / "pg_control").write_bytes(control)

    @property
    def pg_wal(self) -> Path:
        return self.path / "pg_wal"

    def segment(
        self, name: str, *, seed: int = 0, header_timeline: int | None = None
    ) -> Path:
        """Write a segment, or a partial one, and return its path."""
        content = segment_bytes(
            name,
            seed=seed,
            system=self.system,
            segment_size=self.segment_size,
            header_timeline=header_timeline,
        )
        return self.file(name, content)

    def file(self, name: str, content: bytes) -> Path:
        """Write any file in pg_wal and return its path."""
        path = self.pg_wal / name
        path.write_bytes(content)
        return path

    def signal(self, name: str) -> None:
        """Make recovery.signal or standby.signal."""
        (self.path / name).touch()

    @property
    def destination(self) -> Path:
        """Where recovery wants a segment."""
        return self.pg_wal / "RECOVERYXLOG"

    @property
    def history_destination(self) -> Path:
        """Where recovery wants a timeline history."""
        return self.pg_wal / "RECOVERYHISTORY"


def archived(root: Path) -> list[str]:
    """The keys of all objects below an archive's directory, sorted."""
    return sorted(
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()
    )


def archive(root: Path, path: Path, *options: str) -> int:
    """Run wal-archive for path; root is the archive of one server."""
    return wal_archive.main([*options, f"file://{root.parent}", root.name, str(path)])


def fetch(root: Path, name: str, destination: Path, *options: str) -> int:
    """Run wal-restore for the WAL file name."""
    url = f"file://{root.parent}"
    return wal_restore.main([*options, url, root.name, name, str(destination)])


def objects(root: Path) -> dict[str, bytes]:
    """All objects of an archive with their content."""
    return {key: (root / key).read_bytes() for key in archived(root)}
