"""Encrypted objects, sealed and opened in memory."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from cloudhoard.codec.container_opening import Opening
from cloudhoard.codec.container_reader import ContainerReader
from cloudhoard.codec.container_writer import ContainerWriter
from cloudhoard.codec.hashing_sink import HashingSink
from cloudhoard.codec.keys import PrivateKey, PublicKey, SigningKey, TrustedSigner
from cloudhoard.errors import DamagedError
from cloudhoard.streams import ByteSource
from tests.support.key_files import KeyFiles

NAME = "wals/0000000100000000/000000010000000000000001.zst.enc"
SYSTEM = 7_710_490_735_113_798_557
SMALLEST_CHUNK_LOG2 = 12
SMALLEST_CHUNK = 1 << SMALLEST_CHUNK_LOG2


def noise(size: int, *, seed: int = 0) -> bytes:
    """Return bytes that do not compress, the same ones each time."""
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(size)


@dataclass(frozen=True)
class LoadedKeys:
    """The four halves of one key id."""

    public: PublicKey
    private: PrivateKey
    signing: SigningKey
    signer: TrustedSigner

    @classmethod
    def load(cls, files: KeyFiles) -> "LoadedKeys":
        return cls(
            PublicKey.load(files.public),
            PrivateKey.load(files.private),
            SigningKey.load(files.signing),
            TrustedSigner.load(files.signer),
        )


def seal(
    payload: bytes,
    recipients: Sequence[PublicKey],
    *,
    signer: SigningKey | None = None,
    name: str = NAME,
    system: int = SYSTEM,
    chunk_log2: int = SMALLEST_CHUNK_LOG2,
) -> bytes:
    """Return an encrypted object as it is stored."""
    stored = io.BytesIO()
    attributes = {"name": name, "system": str(system)}
    sink = HashingSink(stored)
    writer = ContainerWriter(
        sink, recipients, signer, attributes, chunk_log2=chunk_log2
    )
    writer.write(payload)
    writer.finish()
    return stored.getvalue()


@dataclass
class Outcome:
    """What a reader gave out, and the error it ended in."""

    released: bytes = b""
    error: DamagedError | None = None
    pieces: list[bytes] = field(default_factory=list)


def opening(
    keys: Sequence[PrivateKey],
    signers: Sequence[TrustedSigner] = (),
    *,
    name: str = NAME,
    system: int | None = SYSTEM,
) -> Opening:
    return Opening(
        private_keys=keys, trusted_signers=signers, name=name, system_identifier=system
    )


def unseal(stored: bytes, wanted: Opening, *, read_size: int = 1 << 20) -> Outcome:
    """Read an object to its end or to an error."""
    outcome = Outcome()
    try:
        reader = ContainerReader(io.BytesIO(stored), wanted)
        outcome.released = read_all(reader, outcome.pieces, read_size)
    except DamagedError as error:
        outcome.error = error
        outcome.released = b"".join(outcome.pieces)
    return outcome


def read_all(source: ByteSource, pieces: list[bytes], read_size: int) -> bytes:
    while piece := source.read(read_size):
        pieces.append(piece)
    return b"".join(pieces)


class QuickPrivateKey(PrivateKey):
    """A private key that unwraps the same bytes only once.

    RSA is most of what opening a small object takes, and some tests open thousands
    that differ elsewhere.
    """

    def unwrap(self, wrapped: bytes) -> bytes | None:
        return _unwrapped(self._key, wrapped)

    @classmethod
    def of(cls, key: PrivateKey) -> "QuickPrivateKey":
        return cls(key.key_id, key.fingerprint, key._key)


@lru_cache(maxsize=64)
def _unwrapped(key: RSAPrivateKey, wrapped: bytes) -> bytes | None:
    return PrivateKey("", b"", key).unwrap(wrapped)
