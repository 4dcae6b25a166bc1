"""What a user can set about S3 and the stores that speak like it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

MIB: Final = 1 << 20

MOST_PARTS: Final = 10_000
"""Parts of one upload that S3 takes."""

AddressingStyle: TypeAlias = Literal["auto", "virtual", "path"]
Encryption: TypeAlias = Literal["AES256", "aws:kms"]
Tags: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """How a bucket is reached, and how objects are stored there.

    What is None is left to the environment, to the profile, or to S3.
    """

    endpoint_url: str | None = None
    profile: str | None = None
    region: str | None = None
    addressing_style: AddressingStyle | None = None
    ca_bundle: Path | None = None
    connect_timeout: float = 10
    """Seconds for a connection to be made."""
    read_timeout: float = 60
    """Seconds that the store may be silent in the middle of a request."""
    retries: int | None = None
    """How often a request is sent again after a failure that may pass."""
    usual_retries: int = 3
    """The same, where neither retries nor the environment or profile says it."""

    tags: Tags = ()
    history_tags: Tags | None = None
    """Tags of history files, in place of tags; None: the same as others."""
    encryption: Encryption | None = None
    """The store's own encryption, beside ours."""
    kms_key_id: str | None = None
    customer_key: bytes | None = field(default=None, repr=False)
    """32 bytes with which the store encrypts, and which it does not keep."""

    part_size: int = 8 * MIB
    """Least size of the parts of a large object."""
    largest_put: int = 100 * MIB
    """Objects that cannot get larger are kept in memory and sent in one request."""
    max_parts: int = MOST_PARTS
    """Parts of one upload that the store takes."""
    parts_in_flight: int = 4
    """Parts of all objects of one storage that are being sent at a time."""

    def buffer_size(self, at_most: int) -> int:
        """Bytes to collect, of an object of at_most bytes, before they are sent."""
        if at_most <= self.largest_put:
            return at_most
        return max(self.part_size, -(-at_most // self.max_parts))
