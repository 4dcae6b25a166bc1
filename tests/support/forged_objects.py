"""Encrypted objects put together by hand, right or wrong, from the format alone.

Nothing of cloudhoard.codec is used here, so that a misunderstanding of docs/format.md
in both writer and reader shows.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from tests.support.key_files import KeyFiles
from tests.support.sealed_objects import NAME, SMALLEST_CHUNK_LOG2, SYSTEM

TRAILER = 48


@dataclass(frozen=True)
class Chunk:
    """One chunk before it is encrypted; number and mark as they go into its nonce."""

    plain: bytes
    number: int
    is_last: bool


def middle(plain: bytes, number: int) -> Chunk:
    """Return a chunk that others follow."""
    return Chunk(plain, number, is_last=False)


def last(plain: bytes, number: int) -> Chunk:
    """Return a chunk with the mark of the last one."""
    return Chunk(plain, number, is_last=True)


def chunks_of(payload: bytes, chunk_size: int) -> list[Chunk]:
    """Return the chunks as the format asks for them."""
    starts = range(0, len(payload), chunk_size) or range(1)
    return [
        Chunk(
            payload[start : start + chunk_size],
            number,
            is_last=number == len(starts) - 1,
        )
        for number, start in enumerate(starts)
    ]


@dataclass(frozen=True, kw_only=True)
class Forger:
    """Everything of an object that somebody with a file key of his own can choose."""

    recipients: bytes
    """The recipients' part of the header, rendered."""
    recipient_count: int = 1
    attributes: bytes = json.dumps({"name": NAME, "system": str(SYSTEM)}).encode()
    signature: bytes = b"\0"
    """The signature field, rendered."""
    behind_signature: bytes = b""
    magic: bytes = b"CLDHOARD"
    version: int = 1
    cipher: int = 1
    chunk_log2: int = SMALLEST_CHUNK_LOG2
    header_size: int | None = None
    """What the header says; None: the truth."""
    file_key: bytes = field(default_factory=lambda: os.urandom(32))
    salt: bytes = field(default_factory=lambda: os.urandom(32))

    def signed_part(self) -> bytes:
        attributes = len(self.attributes).to_bytes(2, "big") + self.attributes
        rest = self.recipients + attributes
        behind = len(self.signature) + len(self.behind_signature) + 32
        size = self.header_size
        if size is None:
            size = 48 + len(rest) + behind
        numbers = [self.version, self.cipher, self.chunk_log2, self.recipient_count]
        fixed = self.magic + bytes(numbers) + size.to_bytes(4, "big") + self.salt
        return fixed + rest

    def header(self) -> bytes:
        data = self.signed_part() + self.signature + self.behind_signature
        key = self._derive(b"cloudhoard header")
        return data + hmac.digest(key, data, "sha256")

    def object(self, chunks: Sequence[Chunk], payload_size: int | None = None) -> bytes:
        """Return header, chunks and trailer."""
        cipher = AESGCM(self._derive(b"cloudhoard payload"))
        body = b"".join(
            cipher.encrypt(
                chunk.number.to_bytes(11, "big") + bytes([chunk.is_last]),
                chunk.plain,
                None,
            )
            for chunk in chunks
        )
        if payload_size is None:
            payload_size = sum(len(chunk.plain) for chunk in chunks)
        return with_trailer(self.header() + body, payload_size)

    def sealed(self, payload: bytes) -> bytes:
        return self.object(chunks_of(payload, 1 << self.chunk_log2))

    def signed_by(self, key: Ed25519PrivateKey, fingerprint: bytes = b"") -> "Forger":
        """Return the same object signed by key, in the name of another if given."""
        public = key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        claimed = fingerprint or hashlib.sha256(public).digest()
        empty = replace(self, signature=b"\1" + claimed + bytes(64))
        signature = key.sign(b"cloudhoard header v1\0" + empty.signed_part())
        return replace(self, signature=b"\1" + claimed + signature)

    def _derive(self, info: bytes) -> bytes:
        return HKDF(SHA256(), 32, self.salt, info).derive(self.file_key)


def forger_for(files: KeyFiles, **fields: object) -> Forger:
    """Return one who has the public key of files, and nothing else."""
    file_key = os.urandom(32)
    return replace(
        Forger(recipients=recipient(files, file_key), file_key=file_key),
        **fields,  # type: ignore[arg-type]  # fields of Forger, by name
    )


def recipient(
    files: KeyFiles, file_key: bytes, *, algorithm: int = 1, key_id: bytes = b"ops"
) -> bytes:
    """Return a recipient's bytes, made from the public key file."""
    key = load_pem_public_key(files.public.read_bytes())
    assert isinstance(key, RSAPublicKey)
    wrapped = key.encrypt(file_key, OAEP(MGF1(SHA256()), SHA256(), label=None))
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return (
        bytes([algorithm])
        + hashlib.sha256(der).digest()
        + bytes([len(key_id)])
        + key_id
        + len(wrapped).to_bytes(2, "big")
        + wrapped
    )


def with_trailer(before: bytes, payload_size: int) -> bytes:
    """Return header and chunks with the trailer that goes with them."""
    marked = before + b"CLDH_END" + payload_size.to_bytes(8, "big")
    return marked + hashlib.sha256(marked).digest()


def rehashed(stored: bytes) -> bytes:
    """Return a changed object with the SHA-256 that it now has."""
    return stored[:-32] + hashlib.sha256(stored[:-32]).digest()


def parts(stored: bytes, chunk_log2: int = SMALLEST_CHUNK_LOG2) -> list[bytes]:
    """Return header, encrypted chunks and trailer of an object."""
    header_size = int.from_bytes(stored[12:16], "big")
    body = stored[header_size:-TRAILER]
    step = (1 << chunk_log2) + 16
    chunks = [body[start : start + step] for start in range(0, len(body), step)]
    return [stored[:header_size], *chunks, stored[-TRAILER:]]
