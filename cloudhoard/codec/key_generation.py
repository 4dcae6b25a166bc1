"""Makes the four key files of one key id."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from cloudhoard.codec.key_id import (
    PRIVATE_KEY,
    PUBLIC_KEY,
    SIGNER,
    SIGNING_KEY,
    check_key_id,
)
from cloudhoard.codec.keys import SMALLEST_RSA_BITS, fingerprint_of
from cloudhoard.codec.pkcs8_encryption import encrypted_pem
from cloudhoard.durable import fsync_directory
from cloudhoard.errors import OperationFailed, UsageError

DEFAULT_BITS: Final = 4096
MOST_BITS: Final = 16_384

_Pair = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class CreatedKeys:
    """Where the four files are, and what their pairs are known by."""

    key_id: str
    public_key: Path
    private_key: Path
    signing_key: Path
    signer: Path
    """The public half of the signing key."""
    fingerprint: str
    """Of the encryption pair, hex: SHA-256 of its DER SubjectPublicKeyInfo."""
    signer_fingerprint: str
    """Of the signing pair, likewise."""


def create_key_files(
    key_id: str,
    output_dir: Path,
    *,
    bits: int = DEFAULT_BITS,
    passphrase: bytes | None = None,
) -> CreatedKeys:
    """Make an encryption and a signing pair; the files are durable on return.

    The private halves have mode 0600. The passphrase is the private key's; the
    signing key has none, as the database host uses it unattended. After an error
    there is no file that was not there before.

    Raises:
        UsageError: key_id is none, or there are too few bits or too many.
        OperationFailed: one of the files exists; nothing is ever overwritten.
        OSError: output_dir cannot be written.
    """
    check_key_id(key_id)
    _check_bits(bits)
    paths = _free_paths(key_id, output_dir)
    encryption = rsa.generate_private_key(65537, bits)
    signing = ed25519.Ed25519PrivateKey.generate()
    # The private halves first: what was encrypted for a public key whose private
    # half never reached the disk would be lost.
    _write_files(
        {
            paths[PRIVATE_KEY]: (_private_pem(encryption, passphrase), 0o600),
            paths[SIGNING_KEY]: (_private_pem(signing, None), 0o600),
            paths[PUBLIC_KEY]: (_public_pem(encryption), 0o644),
            paths[SIGNER]: (_public_pem(signing), 0o644),
        }
    )
    fsync_directory(output_dir)
    return CreatedKeys(
        key_id,
        public_key=paths[PUBLIC_KEY],
        private_key=paths[PRIVATE_KEY],
        signing_key=paths[SIGNING_KEY],
        signer=paths[SIGNER],
        fingerprint=fingerprint_of(encryption.public_key()).hex(),
        signer_fingerprint=fingerprint_of(signing.public_key()).hex(),
    )


def _check_bits(bits: int) -> None:
    if not SMALLEST_RSA_BITS <= bits <= MOST_BITS:
        raise UsageError(
            f"an RSA key of {bits} bits is not made",
            hint=f"{SMALLEST_RSA_BITS} to {MOST_BITS} bits; {DEFAULT_BITS} is usual",
        )


def _free_paths(key_id: str, output_dir: Path) -> dict[str, Path]:
    """Where the files go, by suffix; none of them is there yet."""
    paths = {
        suffix: output_dir / f"{key_id}{suffix}"
        for suffix in (PRIVATE_KEY, SIGNING_KEY, PUBLIC_KEY, SIGNER)
    }
    for path in paths.values():
        if os.path.lexists(path):
            raise _exists(path)
    return paths


def _private_pem(key: _Pair, passphrase: bytes | None) -> bytes:
    if passphrase is None:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return encrypted_pem(der, passphrase)


def _public_pem(key: _Pair) -> bytes:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _write_files(files: Mapping[Path, tuple[bytes, int]]) -> None:
    """Create the files with their modes, all of them or none."""
    created: list[Path] = []
    try:
        for path, (content, mode) in files.items():
            _create(path, content, mode, created)
    except BaseException:
        for path in created:
            path.unlink(missing_ok=True)
        raise


def _create(path: Path, content: bytes, mode: int, created: list[Path]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, mode)
    except FileExistsError as error:
        raise _exists(path) from error
    created.append(path)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _exists(path: Path) -> OperationFailed:
    return OperationFailed(
        f"{path} exists, and key files are never overwritten",
        hint="choose another --key-id or --output-dir; objects encrypted for a key"
        " that is gone cannot be read again",
    )
