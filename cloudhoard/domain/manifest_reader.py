"""Reads a backup_manifest line by line, strictly and in bounded memory.

Understands what PostgreSQL 13 and later and CloudHoard write: the line structure of
the server (src/backend/backup/backup_manifest.c), not any JSON with the same content.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.manifest import (
    VERSION_WITH_SYSTEM,
    VERSION_WITHOUT_SYSTEM,
    ManifestEntry,
    WalRange,
)
from cloudhoard.domain.manifest_lines import ManifestLines
from cloudhoard.errors import InvalidFormat
from cloudhoard.streams import ByteSource

_MOST_RANGES: Final = 100_000
_LARGEST_TIMELINE: Final = (1 << 32) - 1
_LARGEST_SIZE: Final = (1 << 63) - 1
_SHA256_DIGITS: Final = 64
_VERSION: Final = re.compile(
    rb'\{ "PostgreSQL-Backup-Manifest-Version": ([0-9]{1,3}),\n'
)
_SYSTEM: Final = re.compile(rb'"System-Identifier": ([0-9]{1,20}),\n')
_ENTRY: Final = re.compile(
    rb'\{ (?:"Path": (?P<path>"(?:[^"\\]|\\.)*")'
    rb'|"Encoded-Path": "(?P<encoded>(?:[0-9a-f]{2})+)"),'
    rb' "Size": (?P<size>[0-9]{1,19}),'
    rb' "Last-Modified":'
    rb' "(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) GMT"'
    rb'(?:, "Checksum-Algorithm": "(?P<algorithm>CRC32C|SHA224|SHA256|SHA384|SHA512)",'
    rb' "Checksum": "(?P<checksum>[0-9a-f]{8,128})")? \}'
)
_RANGE: Final = re.compile(
    rb'\{ "Timeline": ([0-9]{1,10}), "Start-LSN": "([0-9A-F]{1,8}/[0-9A-F]{1,8})",'
    rb' "End-LSN": "([0-9A-F]{1,8}/[0-9A-F]{1,8})" \}'
)
_CHECKSUM: Final = re.compile(rb'"Manifest-Checksum": "([0-9a-f]{64})"\}\n')


class ManifestReader:
    """Gives the entries of one manifest, then what stands behind them.

    version and system_identifier are known once the reader is made; wal_ranges once
    entries() has come to its end, which also proves the manifest's own checksum.
    """

    def __init__(self, source: ByteSource) -> None:
        """Read the manifest's beginning from source.

        Raises:
            InvalidFormat: it is not a manifest, or of a version we do not know.
        """
        self._lines = ManifestLines(source)
        self.wal_ranges: tuple[WalRange, ...] = ()
        self.version = self._number(_VERSION, "version")
        if self.version not in {VERSION_WITHOUT_SYSTEM, VERSION_WITH_SYSTEM}:
            raise InvalidFormat(
                f"backup_manifest has version {self.version}, which is not known"
            )
        self.system_identifier: int | None = None
        if self.version >= VERSION_WITH_SYSTEM:
            self.system_identifier = self._number(_SYSTEM, "system identifier")
        self._lines.expect(b'"Files": [\n')

    def entries(self) -> Iterator[ManifestEntry]:
        """Yield every file in the order of the manifest, then check its end.

        May be taken in portions (itertools.islice on one iterator). What it yields
        is proved by the checksum only when the iterator has come to its end.

        Raises:
            InvalidFormat: a line is not what it must be, a path would leave the data
                directory, the checksum differs, or something follows.
        """
        for line in self._members():
            yield self._entry(line)
        self._lines.expect(b'"WAL-Ranges": [\n')
        ranges: list[WalRange] = []
        for line in self._members():
            ranges.append(self._wal_range(line))
            if len(ranges) > _MOST_RANGES:
                raise InvalidFormat("backup_manifest has too many WAL ranges")
        self._check_end()
        self.wal_ranges = tuple(ranges)

    def _members(self) -> Iterator[bytes]:
        """Yield the members of a list, each without its comma, up to its end."""
        wants_more, is_first = True, True
        while (line := self._lines.next()) != b"],\n":
            if not wants_more:
                raise self._lines.unexpected("a member without a comma before it")
            wants_more, is_first = line.endswith(b",\n"), False
            yield line[:-2] if wants_more else line[:-1]
        if wants_more and not is_first:
            raise self._lines.unexpected("an end after a comma")

    def _entry(self, line: bytes) -> ManifestEntry:
        match = _ENTRY.fullmatch(line)
        if match is None:
            raise self._lines.unexpected("not an entry of a file")
        size = int(match["size"])
        if size > _LARGEST_SIZE:
            raise self._lines.unexpected("a size out of range")
        encoded = match["encoded"]
        path = (
            bytes.fromhex(encoded.decode())
            if encoded is not None
            else self._unquoted(match["path"])
        )
        if not _stays_inside(path):
            raise self._lines.unexpected("a path that leaves the data directory")
        return ManifestEntry(
            path, size, self._instant(match["time"]), self._sha256(match)
        )

    def _unquoted(self, token: bytes) -> bytes:
        try:
            text: str = json.loads(token)
            return text.encode("utf-8")
        except ValueError as error:
            raise self._lines.unexpected("a path that is not text") from error

    def _instant(self, text: bytes) -> datetime:
        try:
            return datetime.fromisoformat(text.decode() + "+00:00")
        except ValueError as error:
            raise self._lines.unexpected("not a time") from error

    def _sha256(self, match: re.Match[bytes]) -> bytes | None:
        if match["algorithm"] != b"SHA256":
            return None
        if len(match["checksum"]) != _SHA256_DIGITS:
            raise self._lines.unexpected("not a SHA-256")
        return bytes.fromhex(match["checksum"].decode())

    def _wal_range(self, line: bytes) -> WalRange:
        match = _RANGE.fullmatch(line)
        if match is None or not 0 < int(match[1]) <= _LARGEST_TIMELINE:
            raise self._lines.unexpected("not a range of WAL")
        return WalRange(
            int(match[1]), Lsn.parse(match[2].decode()), Lsn.parse(match[3].decode())
        )

    def _check_end(self) -> None:
        line = self._lines.next()
        computed = self._lines.sha256_before()
        match = _CHECKSUM.fullmatch(line)
        if match is None:
            raise self._lines.unexpected("not the manifest's checksum")
        if match[1].decode() != computed:
            raise InvalidFormat("the checksum of backup_manifest does not match")
        self._lines.expect_end()

    def _number(self, pattern: re.Pattern[bytes], what: str) -> int:
        match = pattern.fullmatch(self._lines.next())
        if match is None:
            raise self._lines.unexpected(f"not the manifest's {what}")
        return int(match[1])


def _stays_inside(path: bytes) -> bool:
    return b"\0" not in path and not any(
        component in {b"", b".", b".."} for component in path.split(b"/")
    )
