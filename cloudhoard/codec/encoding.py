"""How objects are written: compressed, then encrypted, hashed on the way.

Whoever writes unencrypted objects does not pay for importing the cryptography.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudhoard.codec.compression import Compression, compressed
from cloudhoard.codec.container_layout import (
    LARGEST_HEADER,
    MOST_RECIPIENTS,
    TRAILER_SIZE,
    WRITTEN_CHUNK_LOG2,
    body_size,
)
from cloudhoard.codec.hashing_sink import HashingSink
from cloudhoard.errors import UsageError
from cloudhoard.streams import ByteSink, BytesLike

if TYPE_CHECKING:
    from cloudhoard.codec.keys import PublicKey, SigningKey

ENCRYPTED: Final = ".enc"
"""What the names of encrypted objects end in, behind the compression's extension."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How objects are written: which compression, for whom, signed by whom."""

    compression: Compression
    recipients: tuple["PublicKey", ...] = ()
    """Whoever has the private half of one of them can read; empty: everybody."""
    signer: "SigningKey | None" = None

    def __post_init__(self) -> None:
        if len(self.recipients) > MOST_RECIPIENTS:
            raise UsageError(f"more than {MOST_RECIPIENTS} public keys are given")
        seen: dict[bytes, str] = {}
        for key in self.recipients:
            if key.fingerprint in seen:
                other = seen[key.fingerprint]
                raise UsageError(f"public keys {other} and {key.key_id} are the same")
            seen[key.fingerprint] = key.key_id

    @property
    def is_encrypted(self) -> bool:
        """Whether a private key is needed to read what is written."""
        return bool(self.recipients)

    @property
    def suffix(self) -> str:
        """What object names end in: ``.zst``, ``.zst.enc``, ``.enc`` or nothing."""
        return self.compression.extension + (ENCRYPTED if self.is_encrypted else "")

    def at_most(self, plain_size: int) -> int:
        """Return the largest stored size in bytes of plain_size bytes."""
        size = self.compression.bound(plain_size)
        if not self.is_encrypted:
            return size
        return LARGEST_HEADER + body_size(size, 1 << WRITTEN_CHUNK_LOG2) + TRAILER_SIZE


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What came of writing one object."""

    stored_size: int
    stored_sha256: str
    """SHA-256 of the stored bytes, in hex."""
    plain_size: int


class EncodedSink:
    """Takes an object's plain bytes; its result is there when the block is left."""

    def __init__(self, sink: ByteSink) -> None:
        self._sink = sink
        self._plain_size = 0
        self._result: StoredObject | None = None

    @property
    def plain_size(self) -> int:
        """Bytes written so far."""
        return self._plain_size

    @property
    def result(self) -> StoredObject:
        """What was stored.

        Raises:
            RuntimeError: the block was not left yet, or by an exception.
        """
        if self._result is None:
            raise RuntimeError("an object that is not finished has no result")
        return self._result

    def write(self, data: BytesLike, /) -> int:
        """Take all of data and return its length."""
        written = self._sink.write(data)
        self._plain_size += written
        return written

    def finish(self, stored: HashingSink) -> None:
        """Remember what was stored; encoded() calls it."""
        self._result = StoredObject(
            stored.size, stored.digest().hex(), self._plain_size
        )


@contextmanager
def encoded(
    sink: ByteSink, encoding: Encoding, attributes: Mapping[str, object]
) -> Iterator[EncodedSink]:
    """Push what is written, encoded, into sink.

    attributes go into an encrypted object's header, where everyone can read them:
    "name" (the object's key below the server's prefix) and "system" (the system
    identifier as decimal digits) are needed there; an unencrypted object has none.
    The object's end is written when the block is left normally, and only then.
    """
    stored = HashingSink(sink)
    if not encoding.is_encrypted:
        with compressed(stored, encoding.compression) as plain:
            result = EncodedSink(plain)
            yield result
        result.finish(stored)
        return
    # Imported here: it takes as long as all the rest of archiving a segment.
    from cloudhoard.codec.container_writer import ContainerWriter  # noqa: PLC0415

    container = ContainerWriter(
        stored, encoding.recipients, encoding.signer, attributes
    )
    with compressed(container, encoding.compression) as plain:
        result = EncodedSink(plain)
        yield result
    container.finish()
    result.finish(stored)
