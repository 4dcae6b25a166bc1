"""Key files: RSA pairs that objects are encrypted for, Ed25519 pairs that sign them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, Self, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    PrivateKeyTypes,
    PublicKeyTypes,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from cloudhoard.codec.key_id import key_id_of
from cloudhoard.errors import UsageError

SMALLEST_RSA_BITS: Final = 3072
FINGERPRINT_SIZE: Final = 32

_LARGEST_KEY_FILE: Final = 64 << 10


_Half = TypeVar("_Half")


@dataclass(frozen=True, slots=True)
class _Key(Generic[_Half]):
    """One half of a pair, and what names the pair."""

    key_id: str
    fingerprint: bytes = field(repr=False)
    """SHA-256 of the public half's DER SubjectPublicKeyInfo, 32 bytes."""
    _key: _Half = field(repr=False, compare=False)


class PublicKey(_Key[rsa.RSAPublicKey]):
    """What objects are encrypted with; it opens nothing."""

    __slots__ = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the PEM file ID.public.pem.

        Raises:
            UsageError: it cannot be read, or is not the public half of an RSA pair
                of at least 3072 bits.
        """
        key = _load_public(path)
        if not isinstance(key, rsa.RSAPublicKey):
            raise UsageError(
                f"public key {path} is not an RSA key",
                hint="ID.public.pem encrypts; ID.signing.public.pem is for signatures",
            )
        _check_bits(key.key_size, path)
        return cls(key_id_of(path), fingerprint_of(key), key)

    def wrap(self, file_key: bytes) -> bytes:
        """Return file_key so that only the private key's holder can unwrap it."""
        return self._key.encrypt(file_key, _oaep())


class PrivateKey(_Key[rsa.RSAPrivateKey]):
    """What opens encrypted objects."""

    __slots__ = ()

    @classmethod
    def load(cls, path: Path, passphrase: Callable[[], bytes] | None = None) -> Self:
        """Read the PEM file ID.private.pem; passphrase is asked only if it has one.

        The key is not validated, which would take a quarter of a second for each WAL
        file: a wrong one is found out by the header's HMAC.

        Raises:
            UsageError: it cannot be read, is not an RSA private key of at least 3072
                bits, or its passphrase is missing or wrong.
        """
        key = _load_private(path, passphrase)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise UsageError(
                f"private key {path} is not an RSA key",
                hint="ID.private.pem decrypts; ID.signing.pem is for signatures",
            )
        _check_bits(key.key_size, path)
        return cls(key_id_of(path), fingerprint_of(key.public_key()), key)

    def unwrap(self, wrapped: bytes) -> bytes | None:
        """Return the file key in wrapped, or None where it is none of this key's."""
        try:
            return self._key.decrypt(wrapped, _oaep())
        except ValueError:
            return None


class SigningKey(_Key[ed25519.Ed25519PrivateKey]):
    """What the database host proves with that an object is its own."""

    __slots__ = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the PEM file ID.signing.pem, which has no passphrase.

        Raises:
            UsageError: it cannot be read, or is not an Ed25519 private key.
        """
        key = _load_private(path, None)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise UsageError(
                f"signing key {path} is not an Ed25519 key",
                hint="give the file ID.signing.pem that cloudhoard-create-keys made",
            )
        return cls(key_id_of(path), fingerprint_of(key.public_key()), key)

    def sign(self, data: bytes, context: bytes) -> bytes:
        """Return the signature, 64 bytes, over context and data.

        context ends in a zero byte and says what is signed, so that a signature over
        one kind of thing is never one over another.
        """
        return self._key.sign(context + data)


class TrustedSigner(_Key[ed25519.Ed25519PublicKey]):
    """Whose signatures are believed."""

    __slots__ = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the PEM file ID.signing.public.pem.

        Raises:
            UsageError: it cannot be read, or is not an Ed25519 public key.
        """
        key = _load_public(path)
        if not isinstance(key, ed25519.Ed25519PublicKey):
            raise UsageError(
                f"trusted signer {path} is not an Ed25519 key",
                hint="give the file ID.signing.public.pem of create-keys",
            )
        return cls(key_id_of(path), fingerprint_of(key), key)

    def verify(self, signature: bytes, data: bytes, context: bytes) -> bool:
        """Whether signature is this signer's over context and data."""
        try:
            self._key.verify(signature, context + data)
        except InvalidSignature:
            return False
        return True


def fingerprint_of(key: PublicKeyTypes) -> bytes:
    """Return what names a public key: SHA-256 of its DER SubjectPublicKeyInfo."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).digest()


def _oaep() -> padding.OAEP:
    return padding.OAEP(padding.MGF1(SHA256()), SHA256(), label=None)


def _check_bits(bits: int, path: Path) -> None:
    if bits < SMALLEST_RSA_BITS:
        raise UsageError(
            f"key {path} has {bits} bits, which is too few",
            hint=f"use {SMALLEST_RSA_BITS} or more; create-keys makes 4096",
        )


def _load_public(path: Path) -> PublicKeyTypes:
    pem = _read(path)
    try:
        return load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"key {path} is not a public key in PEM form",
            hint="it begins with -----BEGIN PUBLIC KEY-----",
        ) from error


def _load_private(
    path: Path, passphrase: Callable[[], bytes] | None
) -> PrivateKeyTypes:
    pem = _read(path)
    secret: bytes | None = None
    if b"ENCRYPTED" in pem:
        if passphrase is None:
            raise UsageError(
                f"private key {path} is under a passphrase",
                hint="give --private-key-passphrase-file",
            )
        secret = passphrase()
    try:
        return load_pem_private_key(pem, secret, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if secret is not None:
            raise UsageError(f"private key {path}: the passphrase is wrong") from error
        raise UsageError(
            f"key {path} is not a private key in PEM form",
            hint="it begins with -----BEGIN PRIVATE KEY-----",
        ) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST_KEY_FILE)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"key file {path}: {reason}") from error
