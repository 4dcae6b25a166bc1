"""What we know of a backup beyond barman's keys: the ``#cloudhoard`` line."""

import re
from dataclasses import dataclass
from typing import Final, Self

from cloudhoard.domain.json_object import JsonObject, render_json
from cloudhoard.errors import InvalidFormat

FORMAT_VERSION: Final = 1
FULL: Final = "full"
"""The only kind of backup so far: everything that a restore needs, but the WAL."""

_WHAT: Final = "the #cloudhoard line"
_LARGEST_LINE: Final = 1 << 20
_MOST_KEYS: Final = 1000
_SHA256: Final = 32
_WORD: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudHoardInfo:
    """Totals of a backup, and the hashes that tie its objects to its commit."""

    backup_id: str
    """Which backup it is: a signed backup.info proves nothing under another id."""
    tool_version: str
    run_id: str
    """Random, one for each run: by it a run knows again what it wrote itself."""
    plain_size: int = 0
    """Bytes of all volumes before compression."""
    stored_size: int = 0
    """Bytes of all objects as they are stored, but for backup.info."""
    files: int = 0
    """Entries in the manifest."""
    wal_included: bool = False
    """Whether the backup holds the WAL that it needs itself."""
    key_fingerprints: tuple[str, ...] = ()
    """SHA-256 of each public key it is encrypted to, in hexadecimal; none: plain."""
    volumes_sha256: str | None = None
    """SHA-256 of volumes.json.zst as it is stored, in hexadecimal."""
    manifest_sha256: str | None = None
    """SHA-256 of the manifest's object as it is stored, in hexadecimal."""
    kind: str = FULL
    format_version: int = FORMAT_VERSION

    @property
    def is_encrypted(self) -> bool:
        """Tell whether a private key is needed to restore it."""
        return bool(self.key_fingerprints)

    def to_json(self) -> str:
        """Return the JSON of the line."""
        return render_json(
            {
                "format_version": self.format_version,
                "backup_id": self.backup_id,
                "tool_version": self.tool_version,
                "run_id": self.run_id,
                "kind": self.kind,
                "plain_size": self.plain_size,
                "stored_size": self.stored_size,
                "files": self.files,
                "wal_included": self.wal_included,
                "key_fingerprints": list(self.key_fingerprints),
                "volumes_sha256": self.volumes_sha256,
                "manifest_sha256": self.manifest_sha256,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the JSON of the line; members that we do not know are skipped.

        Raises:
            InvalidFormat: it is not JSON of that shape, or its format is newer.
        """
        line = JsonObject.parse(text.encode(), _WHAT, at_most=_LARGEST_LINE)
        version = line.integer("format_version", smallest=1)
        if version > FORMAT_VERSION:
            raise InvalidFormat(
                f"the backup has format version {version}, newer than"
                f" {FORMAT_VERSION}, the newest that this program knows",
                hint="install a newer CloudHoard",
            )
        return cls(
            format_version=version,
            backup_id=_word(line, "backup_id"),
            tool_version=_word(line, "tool_version"),
            run_id=_word(line, "run_id"),
            kind=_word(line, "kind"),
            plain_size=line.integer("plain_size"),
            stored_size=line.integer("stored_size"),
            files=line.integer("files"),
            wal_included=line.boolean("wal_included"),
            key_fingerprints=line.hex_list(
                "key_fingerprints", size=_SHA256, at_most=_MOST_KEYS
            ),
            volumes_sha256=line.optional_hex_digits("volumes_sha256", size=_SHA256),
            manifest_sha256=line.optional_hex_digits("manifest_sha256", size=_SHA256),
        )


def _word(line: JsonObject, name: str) -> str:
    text = line.text(name)
    if _WORD.fullmatch(text) is None:
        raise InvalidFormat(f"{name!r} of {_WHAT} is not a word")
    return text
