"""The digest that lets a host compare without a private key."""

import io
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.codec.wal_digest import WalDigestKey
from cloudhoard.errors import UsageError
from tests.support.sealed_objects import noise

NONCE = bytes(range(12))
KEY = WalDigestKey.derive(bytes(range(32)), 7_710_490_735_113_798_557)
SEGMENT = noise(3 << 20)


def test_digest_of_a_known_file_never_changes() -> None:
    # In archives: other bytes here would make every stored WAL file a conflict.
    assert KEY.digest_text(io.BytesIO(b"wal"), NONCE) == (
        "gmac:000102030405060708090a0b:8b183b4aed810c4c7d28e93b80ff35c0"
    )


def test_is_gmac_as_the_library_has_it(tmp_path: Path) -> None:
    path = tmp_path / "digest.key"
    path.write_text(bytes(range(32)).hex() + "\n")
    key = WalDigestKey.from_file(path)

    for data in (b"", b"x", SEGMENT):
        expected = AESGCM(bytes(range(32))).encrypt(NONCE, b"", data)
        assert key.digest(io.BytesIO(data), NONCE) == (NONCE, expected)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_matches_the_same_bytes_and_no_others(one: bytes, other: bytes) -> None:
    text = KEY.digest_text(io.BytesIO(one))

    assert KEY.matches(text, io.BytesIO(one))
    assert KEY.matches(text, io.BytesIO(other)) == (one == other)


def test_one_flipped_bit_does_not_match() -> None:
    text = KEY.digest_text(io.BytesIO(SEGMENT))
    for position in (0, 1 << 20, len(SEGMENT) - 1):
        changed = bytearray(SEGMENT)
        changed[position] ^= 1
        assert not KEY.matches(text, io.BytesIO(bytes(changed)))


def test_nonce_is_another_each_time() -> None:
    assert KEY.digest_text(io.BytesIO(b"x")) != KEY.digest_text(io.BytesIO(b"x"))


def test_other_clusters_have_other_keys() -> None:
    text = KEY.digest_text(io.BytesIO(b"x"))

    for other in (
        WalDigestKey.derive(bytes(range(32)), 1),
        WalDigestKey.derive(bytes(32), 7_710_490_735_113_798_557),
    ):
        assert not other.matches(text, io.BytesIO(b"x"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gmac:",
        "gmac:00:00",
        "sha256:" + "0" * 57,
        "gmac:" + "g" * 24 + ":" + "0" * 32,
    ],
)
def test_text_that_is_no_digest_matches_nothing(text: str) -> None:
    assert not KEY.matches(text, io.BytesIO(b"x"))


@pytest.mark.parametrize("content", ["", "00" * 31, "00" * 33, "zz" * 32])
def test_key_file_with_something_else_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "digest.key"
    path.write_text(content)

    with pytest.raises(UsageError, match="64 hexadecimal digits"):
        WalDigestKey.from_file(path)
    with pytest.raises(UsageError, match="no such file"):
        WalDigestKey.from_file(tmp_path / "none")


def test_key_is_not_printed() -> None:
    assert repr(KEY) == "WalDigestKey()"
