"""What protects one encrypted object: a file key, and two keys derived from it."""

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cloudhoard.codec.container_layout import HEADER_KEY_INFO, PAYLOAD_KEY_INFO


@dataclass(frozen=True, slots=True)
class ContainerKeys:
    """The keys of one object; both file key and salt are never used for another."""

    file_key: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    def header_hmac(self, data: bytes) -> bytes:
        """Return the HMAC-SHA-256, 32 bytes, over a header's bytes."""
        return hmac.digest(self._derive(HEADER_KEY_INFO), data, "sha256")

    def payload_cipher(self) -> AESGCM:
        """Return the cipher of the chunks."""
        return AESGCM(self._derive(PAYLOAD_KEY_INFO))

    def _derive(self, info: bytes) -> bytes:
        return HKDF(SHA256(), 32, self.salt, info).derive(self.file_key)
