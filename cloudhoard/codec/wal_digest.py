"""A digest of a WAL file's plain bytes that says nothing to those without its key.

It lets the database host tell whether an encrypted object holds the bytes it has,
without a private key. It is AES-256-GMAC: GCM with the file as associated data and no
plaintext, a tenth of the cost of a hash.
"""

import hmac
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cloudhoard.errors import UsageError
from cloudhoard.streams import COPY_SIZE, ByteSource

_INFO: Final = b"cloudhoard wal digest"
_KEY_SIZE: Final = 32
_NONCE_SIZE: Final = 12
_TEXT: Final = re.compile(r"gmac:([0-9a-f]{24}):([0-9a-f]{32})")
_LARGEST_KEY_FILE: Final = 4096


@dataclass(frozen=True, slots=True)
class WalDigestKey:
    """The key of the digests: all physical copies of a cluster have it."""

    _key: bytes = field(repr=False)

    @classmethod
    def derive(cls, mock_authentication_nonce: bytes, system_identifier: int) -> Self:
        """Return the key that follows from a cluster's pg_control.

        mock_authentication_nonce has 32 bytes; the store never sees it unencrypted.
        """
        salt = system_identifier.to_bytes(8, "big")
        hkdf = HKDF(SHA256(), _KEY_SIZE, salt, _INFO)
        return cls(hkdf.derive(mock_authentication_nonce))

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a key file: 64 hexadecimal digits, as ``openssl rand -hex 32`` makes.

        Raises:
            UsageError: it cannot be read, or is something else.
        """
        try:
            with path.open("rb") as file:
                text = file.read(_LARGEST_KEY_FILE).strip()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"digest key file {path}: {reason}") from error
        if re.fullmatch(rb"[0-9A-Fa-f]{%d}" % (2 * _KEY_SIZE), text) is None:
            raise UsageError(
                f"digest key file {path} does not hold 64 hexadecimal digits",
                hint="make one with: openssl rand -hex 32",
            )
        return cls(bytes.fromhex(text.decode("ascii")))

    def digest(
        self, source: ByteSource, nonce: bytes | None = None
    ) -> tuple[bytes, bytes]:
        """Return nonce (12 bytes) and tag (16 bytes) of what source holds.

        Without a nonce one is drawn, as it must be for whatever gets stored.
        """
        nonce = os.urandom(_NONCE_SIZE) if nonce is None else nonce
        encryptor = Cipher(AES(self._key), GCM(nonce)).encryptor()
        while block := source.read(COPY_SIZE):
            encryptor.authenticate_additional_data(block)
        encryptor.finalize()
        return nonce, encryptor.tag

    def digest_text(self, source: ByteSource, nonce: bytes | None = None) -> str:
        """Return the digest as it stands in an object's attribute "digest"."""
        nonce, tag = self.digest(source, nonce)
        return f"gmac:{nonce.hex()}:{tag.hex()}"

    def matches(self, attribute_text: str, source: ByteSource) -> bool:
        """Whether source holds the bytes that attribute_text was made of.

        False too where it is no digest of ours.
        """
        match = _TEXT.fullmatch(attribute_text)
        if match is None:
            return False
        _, tag = self.digest(source, bytes.fromhex(match[1]))
        return hmac.compare_digest(tag, bytes.fromhex(match[2]))
