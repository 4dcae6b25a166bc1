"""An Ed25519 pair in key files, and backup.info signed with it."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from cloudhoard.codec.keys import SigningKey, TrustedSigner
from cloudhoard.domain.backup_info import (
    SIGNATURE_CONTEXT,
    BackupSignature,
    append_signature,
)


@dataclass(frozen=True)
class SigningPair:
    """Both halves of one pair."""

    signing: Path
    public: Path

    @classmethod
    def create(cls, directory: Path, key_id: str) -> "SigningPair":
        key = Ed25519PrivateKey.generate()
        pair = cls(
            directory / f"{key_id}.signing.pem",
            directory / f"{key_id}.signing.public.pem",
        )
        pair.signing.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        pair.public.write_bytes(
            key.public_key().public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            )
        )
        return pair

    @property
    def trusted(self) -> TrustedSigner:
        return TrustedSigner.load(self.public)

    def signed(self, body: bytes, *, context: bytes = SIGNATURE_CONTEXT) -> bytes:
        """Return body with a last line that vouches for it."""
        key = SigningKey.load(self.signing)
        signature = key.sign(body, context)
        return append_signature(body, BackupSignature(key.fingerprint.hex(), signature))
