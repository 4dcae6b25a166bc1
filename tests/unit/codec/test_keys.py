"""Key files: made, read, refused."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from cloudhoard.codec.key_generation import CreatedKeys, create_key_files
from cloudhoard.codec.key_id import key_id_of
from cloudhoard.codec.keys import PrivateKey, PublicKey, SigningKey, TrustedSigner
from cloudhoard.errors import OperationFailed, UsageError
from tests.support.key_files import KeyFiles

PASSPHRASE = "päßwort".encode()


@pytest.fixture(scope="module")
def under_passphrase(tmp_path_factory: pytest.TempPathFactory) -> CreatedKeys:
    directory = tmp_path_factory.mktemp("keys")
    return create_key_files("ops", directory, bits=3072, passphrase=PASSPHRASE)


class TestCreating:
    def test_four_files_of_which_two_are_private(self, tmp_path: Path) -> None:
        before = os.umask(0o777)
        try:
            created = create_key_files("ops", tmp_path, bits=3072)
        finally:
            os.umask(before)

        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()
        }
        assert modes == {
            "ops.public.pem": 0o644,
            "ops.private.pem": 0o600,
            "ops.signing.pem": 0o600,
            "ops.signing.public.pem": 0o644,
        }
        public = PublicKey.load(created.public_key)
        private = PrivateKey.load(created.private_key)
        signing = SigningKey.load(created.signing_key)
        signer = TrustedSigner.load(created.signer)
        assert public.key_id == private.key_id == signing.key_id == signer.key_id
        assert public.fingerprint == private.fingerprint
        assert signing.fingerprint == signer.fingerprint
        assert created.fingerprint == public.fingerprint.hex()
        assert created.signer_fingerprint == signer.fingerprint.hex()

    @pytest.mark.parametrize(
        "name",
        [
            "ops.public.pem",
            "ops.private.pem",
            "ops.signing.pem",
            "ops.signing.public.pem",
        ],
    )
    def test_nothing_is_overwritten_and_nothing_made(
        self, name: str, tmp_path: Path
    ) -> None:
        (tmp_path / name).symlink_to(tmp_path / "nowhere")

        with pytest.raises(OperationFailed, match=name):
            create_key_files("ops", tmp_path, bits=3072)

        assert [path.name for path in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize("bits", [1, 2048, 3071, 16_385])
    def test_bits_out_of_bounds_are_refused(self, bits: int, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=f"{bits} bits"):
            create_key_files("ops", tmp_path, bits=bits)

    @pytest.mark.parametrize(
        "key_id",
        ["", "a b", "../x", "a/b", "ä", "x" * 256, "a\n", "ops.signing", "ops.public"],
    )
    def test_key_id_that_is_none_is_refused(self, key_id: str, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="is not a key id"):
            create_key_files(key_id, tmp_path, bits=3072)

        assert list(tmp_path.iterdir()) == []


class TestPassphrase:
    def test_private_key_opens_with_it_only(
        self, under_passphrase: CreatedKeys
    ) -> None:
        path = under_passphrase.private_key

        key = PrivateKey.load(path, lambda: PASSPHRASE)

        assert key.fingerprint.hex() == under_passphrase.fingerprint
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in path.read_bytes()
        with pytest.raises(UsageError, match="the passphrase is wrong"):
            PrivateKey.load(path, lambda: b"another")
        with pytest.raises(UsageError, match="is under a passphrase") as caught:
            PrivateKey.load(path)
        assert caught.value.hint == "give --private-key-passphrase-file"

    def test_is_not_asked_for_where_there_is_none(self, key_files: KeyFiles) -> None:
        asked: list[bool] = []

        def passphrase() -> bytes:
            asked.append(True)
            return b""

        PrivateKey.load(key_files.private, passphrase)

        assert not asked

    def test_openssl_reads_the_file_and_tells_the_rounds(
        self, under_passphrase: CreatedKeys, tmp_path: Path
    ) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("there is no openssl")
        path = under_passphrase.private_key
        (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
        source = f"file:{tmp_path / 'passphrase'}"

        subprocess.run(
            ["openssl", "pkey", "-in", path, "-passin", source, "-noout", "-check"],
            check=True,
            capture_output=True,
        )
        parsed = subprocess.run(
            ["openssl", "asn1parse", "-in", path],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

        assert "PBKDF2" in parsed
        assert "hmacWithSHA256" in parsed
        assert f"INTEGER           :{600_000:06X}" in parsed
        assert "aes-256-cbc" in parsed

    def test_signing_key_has_none(self, under_passphrase: CreatedKeys) -> None:
        assert SigningKey.load(under_passphrase.signing_key).key_id == "ops"


class TestLoading:
    @pytest.mark.parametrize(
        ("name", "key_id"),
        [
            ("ops.public.pem", "ops"),
            ("ops.private.pem", "ops"),
            ("ops.signing.pem", "ops"),
            ("ops.signing.public.pem", "ops"),
            ("2026-11.ops.public.pem", "2026-11.ops"),
            ("other.pem", "other"),
            ("key", "key"),
        ],
    )
    def test_key_id_is_the_files_name(self, name: str, key_id: str) -> None:
        assert key_id_of(Path("/etc/cloudhoard") / name) == key_id

    @pytest.mark.parametrize("name", ["my key.public.pem", ".public.pem", "ö.pem"])
    def test_name_without_a_key_id_is_refused(
        self, name: str, tmp_path: Path, key_files: KeyFiles
    ) -> None:
        path = tmp_path / name
        shutil.copy(key_files.public, path)

        with pytest.raises(UsageError, match="is not a key id") as caught:
            PublicKey.load(path)
        assert caught.value.hint

    @pytest.mark.parametrize(
        ("loader", "file", "message"),
        [
            (PublicKey, "private", "is not a public key in PEM form"),
            (PublicKey, "signing", "is not a public key in PEM form"),
            (PublicKey, "signer", "is not an RSA key"),
            (PrivateKey, "public", "is not a private key in PEM form"),
            (PrivateKey, "signing", "is not an RSA key"),
            (SigningKey, "private", "is not an Ed25519 key"),
            (SigningKey, "signer", "is not a private key in PEM form"),
            (TrustedSigner, "public", "is not an Ed25519 key"),
            (TrustedSigner, "signing", "is not a public key in PEM form"),
        ],
    )
    def test_another_kind_of_key_is_refused_by_name(
        self,
        loader: type[PublicKey | PrivateKey | SigningKey | TrustedSigner],
        file: str,
        message: str,
        key_files: KeyFiles,
    ) -> None:
        path: Path = getattr(key_files, file)

        with pytest.raises(UsageError, match=message) as caught:
            loader.load(path)

        assert str(path) in caught.value.message
        assert caught.value.hint

    @pytest.mark.parametrize(
        "loader", [PublicKey, PrivateKey, SigningKey, TrustedSigner]
    )
    def test_file_that_cannot_be_read_is_named(
        self,
        loader: type[PublicKey | PrivateKey | SigningKey | TrustedSigner],
        tmp_path: Path,
    ) -> None:
        for path, reason in (
            (tmp_path / "none.pem", "no such file or directory"),
            (tmp_path, "is a directory"),
        ):
            with pytest.raises(UsageError, match=reason) as caught:
                loader.load(path)
            assert str(path) in caught.value.message

    @pytest.mark.parametrize("content", [b"", b"-----BEGIN", bytes(100_000)])
    def test_file_with_something_else_is_refused(
        self, content: bytes, tmp_path: Path
    ) -> None:
        path = tmp_path / "ops.pem"
        path.write_bytes(content)

        with pytest.raises(UsageError, match="public key in PEM form"):
            PublicKey.load(path)
        with pytest.raises(UsageError, match="private key in PEM form"):
            PrivateKey.load(path, lambda: b"x")

    def test_weak_key_is_refused(self, tmp_path: Path) -> None:
        key = rsa.generate_private_key(65537, 2048)
        public, private = tmp_path / "a.public.pem", tmp_path / "a.private.pem"
        public.write_bytes(
            key.public_key().public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            )
        )
        private.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )

        with pytest.raises(UsageError, match="2048 bits, which is too few"):
            PublicKey.load(public)
        with pytest.raises(UsageError, match="2048 bits, which is too few"):
            PrivateKey.load(private)

    def test_secrets_are_not_printed(self, key_files: KeyFiles) -> None:
        key = PrivateKey.load(key_files.private)
        signing = SigningKey.load(key_files.signing)

        assert repr(key) == "PrivateKey(key_id='ops')"
        assert repr(signing) == "SigningKey(key_id='ops')"


class TestSigning:
    def test_signature_is_over_context_and_data(self, key_files: KeyFiles) -> None:
        signing = SigningKey.load(key_files.signing)
        signer = TrustedSigner.load(key_files.signer)

        signature = signing.sign(b"data", b"one\0")

        assert signer.verify(signature, b"data", b"one\0")
        assert not signer.verify(signature, b"data", b"two\0")
        assert not signer.verify(signature, b"datb", b"one\0")
        assert not signer.verify(signature[:-1], b"data", b"one\0")
        assert not signer.verify(b"", b"data", b"one\0")

    def test_wrapped_key_opens_with_its_own_key_only(
        self, key_files: KeyFiles, other_key_files: KeyFiles
    ) -> None:
        wrapped = PublicKey.load(key_files.public).wrap(bytes(32))

        assert PrivateKey.load(key_files.private).unwrap(wrapped) == bytes(32)
        assert PrivateKey.load(other_key_files.private).unwrap(wrapped) is None
        assert PrivateKey.load(key_files.private).unwrap(b"") is None
