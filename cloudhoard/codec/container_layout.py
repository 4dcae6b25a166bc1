"""The numbers of the encrypted object's format, version 1 (docs/format.md)."""

from typing import Final

MAGIC: Final = b"CLDHOARD"
VERSION: Final = 1
AES_256_GCM: Final = 1
CHUNK_LOG2_RANGE: Final = (12, 24)
WRITTEN_CHUNK_LOG2: Final = 20
MOST_RECIPIENTS: Final = 16
FIXED_SIZE: Final = 48
"""Bytes before the first recipient: magic to salt."""
LARGEST_HEADER: Final = 65_536
SALT_SIZE: Final = 32
FILE_KEY_SIZE: Final = 32
HMAC_SIZE: Final = 32

RSA_OAEP: Final = 1
"""RSAES-OAEP with SHA-256, MGF1-SHA-256 and no label."""
NO_SIGNATURE: Final = 0
ED25519: Final = 1
SIGNATURE_SIZE: Final = 64
SIGNATURE_CONTEXT: Final = b"cloudhoard header v1\0"

HEADER_KEY_INFO: Final = b"cloudhoard header"
PAYLOAD_KEY_INFO: Final = b"cloudhoard payload"

TAG_SIZE: Final = 16
"""Bytes that AES-GCM adds to each chunk."""

END_MARK: Final = b"CLDH_END"
TRAILER_SIZE: Final = 48
"""End mark, payload length (8 bytes), SHA-256 (32 bytes)."""


def chunk_nonce(number: int, *, is_last: bool) -> bytes:
    """Return the nonce of a chunk, 12 bytes: its number from 0, then the last mark."""
    return number.to_bytes(11, "big") + bytes([is_last])


def chunk_count(payload_size: int, chunk_size: int) -> int:
    """Return how many chunks a payload has: all full but the last, at least one."""
    return max(1, -(-payload_size // chunk_size))


def body_size(payload_size: int, chunk_size: int) -> int:
    """Return the bytes of all chunks as stored."""
    return payload_size + TAG_SIZE * chunk_count(payload_size, chunk_size)
