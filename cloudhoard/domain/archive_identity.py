"""Whose archive it is: the content of cloudhoard/archive.json."""

from dataclasses import dataclass
from typing import Final, Self

from cloudhoard.domain.json_object import JsonObject, render_json
from cloudhoard.domain.wal import is_valid_segment_size
from cloudhoard.errors import InvalidFormat

LAYOUT_VERSION: Final = 1

_LARGEST_DOCUMENT: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveIdentity:
    """The cluster that an archive belongs to; written once, with its first object."""

    system_identifier: int
    segment_size: int
    """wal_segment_size in bytes."""
    layout_version: int = LAYOUT_VERSION

    def to_json(self) -> bytes:
        """Return the document: the same bytes for the same identity, always.

        The system identifier is a string, since JSON readers elsewhere round
        integers of 64 bits.
        """
        members = {
            "layout_version": self.layout_version,
            "system_identifier": str(self.system_identifier),
            "segment_size": self.segment_size,
        }
        return render_json(members).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read the document.

        Raises:
            InvalidFormat: it is not one, or its layout is newer than this version.
        """
        document = JsonObject.parse(
            data, "cloudhoard/archive.json", at_most=_LARGEST_DOCUMENT
        )
        version = document.integer("layout_version", smallest=1)
        if version > LAYOUT_VERSION:
            raise InvalidFormat(
                f"the archive has layout version {version}, newer than"
                f" {LAYOUT_VERSION}, the newest that this program knows",
                hint="install a newer CloudHoard",
            )
        segment_size = document.integer("segment_size")
        if not is_valid_segment_size(segment_size):
            raise InvalidFormat(
                f"cloudhoard/archive.json has segment size {segment_size}"
            )
        return cls(
            layout_version=version,
            system_identifier=document.decimal("system_identifier"),
            segment_size=segment_size,
        )
