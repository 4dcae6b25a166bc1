"""Puts a private key under a passphrase, slowly: PKCS #8 with PBES2 (RFC 8018).

The library's own encryption derives the key in 20,000 rounds, which lets an attacker
who has the file try thirty times as many passphrases.
"""

import base64
import hashlib
import os
import textwrap
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

ROUNDS: Final = 600_000
"""Of PBKDF2-HMAC-SHA-256; what OWASP's Password Storage Cheat Sheet asks for."""

_SEQUENCE: Final = 0x30
_OCTET_STRING: Final = 0x04
_INTEGER: Final = 0x02
_NULL: Final = b"\x05\x00"
_PBES2: Final = bytes.fromhex("06092a864886f70d01050d")
_PBKDF2: Final = bytes.fromhex("06092a864886f70d01050c")
_HMAC_SHA256: Final = bytes.fromhex("06082a864886f70d0209")
_AES_256_CBC: Final = bytes.fromhex("060960864801650304012a")


def encrypted_pem(pkcs8_der: bytes, passphrase: bytes) -> bytes:
    """Return the PEM text of a PKCS #8 private key under a passphrase."""
    salt, iv = os.urandom(16), os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha256", passphrase, salt, ROUNDS, 32)
    padder = PKCS7(128).padder()
    padded = padder.update(pkcs8_der) + padder.finalize()
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    encrypted = encryptor.update(padded) + encryptor.finalize()
    derivation = _der(
        _SEQUENCE,
        _der(_OCTET_STRING, salt),
        _der(_INTEGER, ROUNDS.to_bytes(3, "big")),
        _der(_SEQUENCE, _HMAC_SHA256, _NULL),
    )
    parameters = _der(
        _SEQUENCE,
        _der(_SEQUENCE, _PBKDF2, derivation),
        _der(_SEQUENCE, _AES_256_CBC, _der(_OCTET_STRING, iv)),
    )
    algorithm = _der(_SEQUENCE, _PBES2, parameters)
    return _pem(_der(_SEQUENCE, algorithm, _der(_OCTET_STRING, encrypted)))


def _der(tag: int, *content: bytes) -> bytes:
    """Return one DER element (X.690, 8.1)."""
    data = b"".join(content)
    size = len(data)
    if size < 0x80:  # noqa: PLR2004 - the short form of a length
        return bytes([tag, size]) + data
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + data


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der).decode("ascii")
    lines = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", *textwrap.wrap(text, 64)]
    return "\n".join([*lines, "-----END ENCRYPTED PRIVATE KEY-----", ""]).encode()
