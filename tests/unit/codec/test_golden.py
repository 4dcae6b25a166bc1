"""What the first version wrote is read by every version."""

import io
from pathlib import Path

import pytest

from cloudhoard.codec.container_reader import check_stored
from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.codec.keys import PrivateKey, SigningKey, TrustedSigner

GOLDEN = Path(__file__).parents[2] / "golden" / "codec"
PLAIN = (GOLDEN / "plain.txt").read_bytes()
SYSTEM = 7_710_490_735_113_798_557


def read(name: str, decoding: Decoding) -> bytes:
    suffix = "".join(part for part in Path(name).suffixes if part != ".txt")
    with (
        (GOLDEN / name).open("rb") as stored,
        decoded(
            stored,
            suffix,
            decoding,
            name=f"golden/{name}",
            system_identifier=SYSTEM,
            at_most=len(PLAIN),
        ) as source,
    ):
        return source.read()


@pytest.fixture
def private_key() -> PrivateKey:
    return PrivateKey.load(GOLDEN / "golden.private.pem")


@pytest.fixture
def signer() -> TrustedSigner:
    return TrustedSigner.load(GOLDEN / "golden.signing.public.pem")


def test_compressed_object() -> None:
    assert read("plain.txt.zst", Decoding()) == PLAIN


@pytest.mark.parametrize(
    ("name", "plain"), [("empty.enc", b""), ("one-chunk.zst.enc", PLAIN)]
)
def test_encrypted_object(name: str, plain: bytes, private_key: PrivateKey) -> None:
    assert read(name, Decoding((private_key,))) == plain


@pytest.mark.parametrize("name", ["five-chunks.enc", "three-recipients.zst.enc"])
def test_signed_object(
    name: str, private_key: PrivateKey, signer: TrustedSigner
) -> None:
    assert read(name, Decoding((private_key,), (signer,))) == PLAIN


def test_key_under_a_passphrase() -> None:
    key = PrivateKey.load(GOLDEN / "locked.private.pem", lambda: b"golden passphrase")

    assert read("three-recipients.zst.enc", Decoding((key,))) == PLAIN


def test_header_without_a_key(signer: TrustedSigner) -> None:
    stored = (GOLDEN / "three-recipients.zst.enc").read_bytes()

    header = check_stored(io.BytesIO(stored))

    assert header.key_ids == ("escrow", "locked", "golden")
    assert header.signer_fingerprint == signer.fingerprint
    assert dict(header.attributes) == {
        "name": "golden/three-recipients.zst.enc",
        "system": str(SYSTEM),
        "size": len(PLAIN),
        "digest": "gmac:000102030405060708090a0b:00112233445566778899aabbccddeeff",
    }


def test_signature_of_the_first_version(signer: TrustedSigner) -> None:
    # Ed25519 signs the same thing the same way each time.
    key = SigningKey.load(GOLDEN / "golden.signing.pem")
    stored = (GOLDEN / "five-chunks.enc").read_bytes()
    header = check_stored(io.BytesIO(stored))

    signature = key.sign(header.signed_part, b"cloudhoard header v1\0")

    assert signature == header.signature
    assert signer.verify(signature, header.signed_part, b"cloudhoard header v1\0")
