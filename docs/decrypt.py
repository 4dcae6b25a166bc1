#!/usr/bin/env python3
"""Decrypts one object, without CloudHoard: docs/format.md in forty lines.

Usage: decrypt.py ID.private.pem OBJECT.zst.enc | zstd -d > FILE
"""

import getpass
import hashlib
import hmac
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

pem, stored = pathlib.Path(sys.argv[1]).read_bytes(), open(sys.argv[2], "rb")  # noqa: PTH123, SIM115
passphrase = getpass.getpass().encode() if b"ENCRYPTED" in pem else None
private = load_pem_private_key(pem, passphrase)
public = private.public_key()
der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

fixed = stored.read(48)
if fixed[:10] != b"CLDHOARD\x01\x01":
    sys.exit("not an encrypted object of version 1")
header = fixed + stored.read(int.from_bytes(fixed[12:16], "big") - 48)
salt, chunk_size, file_key, at = fixed[16:48], 1 << fixed[10], None, 48
for _ in range(fixed[11]):
    algorithm, fingerprint, end = header[at], header[at + 1 : at + 33], at + 34
    end += header[at + 33]
    wrapped = header[end + 2 : end + 2 + int.from_bytes(header[end : end + 2], "big")]
    at = end + 2 + len(wrapped)
    if algorithm == 1 and fingerprint == hashlib.sha256(der).digest():
        file_key = private.decrypt(wrapped, OAEP(MGF1(SHA256()), SHA256(), None))
if file_key is None:
    sys.exit("encrypted for another key")
header_key = HKDF(SHA256(), 32, salt, b"cloudhoard header").derive(file_key)
if not hmac.compare_digest(
    hmac.digest(header_key, header[:-32], "sha256"), header[-32:]
):
    sys.exit("the header is damaged or forged")
attributes = header[at + 2 : at + 2 + int.from_bytes(header[at : at + 2], "big")]
sys.stderr.write(ascii(attributes.decode()) + "\n")  # is it the object you asked for?

cipher = AESGCM(HKDF(SHA256(), 32, salt, b"cloudhoard payload").derive(file_key))
number, ahead, is_last = 0, stored.read(chunk_size + 64), False
while not is_last:
    ahead += stored.read(chunk_size + 16 + 64 + 1 - len(ahead))
    is_last = len(ahead) <= chunk_size + 16 + 48
    sealed = ahead[:-48] if is_last else ahead[: chunk_size + 16]
    nonce = number.to_bytes(11, "big") + bytes([is_last])
    sys.stdout.buffer.write(cipher.decrypt(nonce, sealed, None))  # raises InvalidTag
    number, ahead = number + 1, ahead[len(sealed) :]
