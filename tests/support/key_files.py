"""Key files for tests, smaller than the ones that create-keys makes by default."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

_BITS = 3072


@dataclass(frozen=True)
class KeyFiles:
    """The four files of one key id."""

    directory: Path
    key_id: str

    @classmethod
    def make(cls, directory: Path, key_id: str = "ops") -> Self:
        """Make both pairs in directory."""
        files = cls(directory, key_id)
        pairs: tuple[
            tuple[rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, Path, Path], ...
        ] = (
            (rsa.generate_private_key(65537, _BITS), files.private, files.public),
            (ed25519.Ed25519PrivateKey.generate(), files.signing, files.signer),
        )
        for key, private, public in pairs:
            private.write_bytes(
                key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            )
            private.chmod(0o600)
            public.write_bytes(
                key.public_key().public_bytes(
                    Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
                )
            )
        return files

    @property
    def public(self) -> Path:
        return self.directory / f"{self.key_id}.public.pem"

    @property
    def private(self) -> Path:
        return self.directory / f"{self.key_id}.private.pem"

    @property
    def signing(self) -> Path:
        return self.directory / f"{self.key_id}.signing.pem"

    @property
    def signer(self) -> Path:
        return self.directory / f"{self.key_id}.signing.public.pem"

    @property
    def encrypting(self) -> tuple[str, ...]:
        """Options that encrypt and sign."""
        return "--public-key", str(self.public), "--signing-key", str(self.signing)

    @property
    def decrypting(self) -> tuple[str, ...]:
        """Options that decrypt what these keys encrypted and signed, nothing else."""
        return "--private-key", str(self.private), "--trusted-signer", str(self.signer)
