"""CRC-32C, the checksum of PostgreSQL's control file."""

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78  # Castagnoli's, bits reversed (RFC 3720, appendix B.4)


def crc32c(data: bytes) -> int:
    """The CRC-32C of data; meant for some hundred bytes, for it is slow."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
