"""PostgreSQL's backup_manifest: what it lists, and its writer.

The text is what the server itself writes (src/backend/backup/backup_manifest.c): one
file a line, then the WAL that the backup needs, then a SHA-256 over all of that.
Neither side keeps more than a line, however many files there are.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cloudhoard.domain.lsn import Lsn

VERSION_WITHOUT_SYSTEM: Final = 1
"""Written by PostgreSQL 13 to 16."""
VERSION_WITH_SYSTEM: Final = 2
"""Written by PostgreSQL 17 and later; carries the system identifier."""

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S GMT"

_FIRST_MAJOR_WITH_SYSTEM: Final = 17


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One file of a backup."""

    path: bytes
    """Relative to the data directory; tablespaces lie below ``pg_tblspc/OID/``."""
    size: int
    """Bytes."""
    modified_at: datetime
    """Aware; the manifest holds whole seconds."""
    sha256: bytes | None
    """32 bytes; None where the manifest has none, or another kind of checksum."""


@dataclass(frozen=True, slots=True)
class WalRange:
    """WAL of one timeline without which the backup is not consistent."""

    timeline: int
    start_lsn: Lsn
    end_lsn: Lsn


def manifest_version(major: int) -> int:
    """Return the version of the manifest that PostgreSQL of that major writes."""
    if major < _FIRST_MAJOR_WITH_SYSTEM:
        return VERSION_WITHOUT_SYSTEM
    return VERSION_WITH_SYSTEM


class ManifestWriter:
    """Makes the bytes of a manifest: begin, then entries as they come, then finish."""

    def __init__(self, version: int, system_identifier: int) -> None:
        self._version = version
        self._system_identifier = system_identifier
        self._hash = hashlib.sha256()
        self._separator = "\n"

    def begin(self) -> bytes:
        """Return how the manifest starts."""
        text = f'{{ "PostgreSQL-Backup-Manifest-Version": {self._version},\n'
        if self._version >= VERSION_WITH_SYSTEM:
            text += f'"System-Identifier": {self._system_identifier},\n'
        return self._hashed(text + '"Files": [')

    def entries(self, entries: Iterable[ManifestEntry]) -> bytes:
        """Return the next lines; any number of calls, each with any number of files."""
        lines: list[str] = []
        for entry in entries:
            lines.append(self._separator + _entry_text(entry))
            self._separator = ",\n"
        return self._hashed("".join(lines))

    def finish(self, wal_ranges: Iterable[WalRange]) -> bytes:
        """Return how the manifest ends: the WAL it needs and its own checksum."""
        ranges = ",".join(
            f'\n{{ "Timeline": {each.timeline}, "Start-LSN": "{each.start_lsn}",'
            f' "End-LSN": "{each.end_lsn}" }}'
            for each in wal_ranges
        )
        body = self._hashed(f'\n],\n"WAL-Ranges": [{ranges}\n],\n')
        checksum = self._hash.hexdigest()
        return body + f'"Manifest-Checksum": "{checksum}"}}\n'.encode()

    def _hashed(self, text: str) -> bytes:
        data = text.encode()
        self._hash.update(data)
        return data


def _entry_text(entry: ManifestEntry) -> str:
    text = (
        f'{{ {_path_text(entry.path)}, "Size": {entry.size}, "Last-Modified":'
        f' "{entry.modified_at.astimezone(UTC).strftime(TIME_FORMAT)}"'
    )
    if entry.sha256 is not None:
        text += f', "Checksum-Algorithm": "SHA256", "Checksum": "{entry.sha256.hex()}"'
    return text + " }"


def _path_text(path: bytes) -> str:
    try:
        # escape_json() of the server escapes what json.dumps does.
        return f'"Path": {json.dumps(path.decode("utf-8"), ensure_ascii=False)}'
    except UnicodeDecodeError:
        return f'"Encoded-Path": "{path.hex()}"'
