"""What the store is asked to encrypt is encrypted, or there is an error."""

import base64
from pathlib import Path
from typing import Final

import pytest
from botocore.exceptions import ClientError

from tests.s3.conftest import MakeS3
from tests.services.ceph import KMS_KEY
from tests.support.s3_commands import S3Commands
from tests.support.wal_files import FIRST, FIRST_KEY, SECOND, DataDirectory

KEY: Final = f"pg/main/{FIRST_KEY}.zst"
KMS: Final = ["-e", "aws:kms", "--sse-kms-key-id"]
INTERNAL: Final = 4
UNREACHABLE: Final = 2


def archive(s3: S3Commands, path: Path, *options: str) -> None:
    ended = s3.attempt("wal-archive", path, options=options)
    assert ended.returncode == 0, ended.stderr


def assert_restored(
    s3: S3Commands, data: DataDirectory, original: bytes, *options: str
) -> None:
    destination = data.path / "got"
    ended = s3.attempt("wal-restore", FIRST, destination, options=options)
    assert ended.returncode == 0, ended.stderr
    assert destination.read_bytes() == original


@pytest.mark.parametrize(
    ("server", "options", "said"),
    [
        ("SeaweedFS", ["-e", "AES256"], {"ServerSideEncryption": "AES256"}),
        (
            "Ceph",
            [*KMS, KMS_KEY],
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KMS_KEY},
        ),
    ],
)
def test_store_says_that_it_encrypts(
    make_s3: MakeS3,
    data: DataDirectory,
    server: str,
    options: list[str],
    said: dict[str, str],
) -> None:
    s3 = make_s3(server)
    path = data.segment(FIRST)

    archive(s3, path, *options)

    found = s3.bucket.client.head_object(Bucket=s3.bucket.name, Key=KEY)
    assert said.items() <= found.items()
    assert_restored(s3, data, path.read_bytes())


def test_store_that_does_nothing_about_it_is_an_error_each_time(
    make_s3: MakeS3, data: DataDirectory
) -> None:
    s3 = make_s3("Ceph")
    path = data.segment(FIRST)
    archive(s3, path)

    for _ in range(3):
        ended = s3.attempt("wal-archive", data.segment(SECOND), options=["-eAES256"])

        assert ended.returncode == INTERNAL
        assert "error: the store did not encrypt wals/" in ended.stderr
        assert "hint: it does not know --encryption AES256" in ended.stderr
        assert [key for key in s3.stored() if SECOND in key] == []
    assert f"{FIRST_KEY}.zst" in s3.stored()


def test_key_that_the_store_does_not_have_is_named(
    make_s3: MakeS3, data: DataDirectory
) -> None:
    s3 = make_s3("Ceph")
    options = [*KMS, "nokey"]

    ended = s3.attempt("wal-archive", data.segment(FIRST), options=options)

    assert ended.returncode == UNREACHABLE
    assert "error: cannot write cloudhoard/archive.json" in ended.stderr
    assert s3.stored() == []


@pytest.mark.parametrize("server", ["SeaweedFS", "Ceph"])
def test_customer_key_is_needed_to_read(
    make_s3: MakeS3, data: DataDirectory, tmp_path: Path, server: str
) -> None:
    s3 = make_s3(server)
    for name, byte in ("key", b"k"), ("other", b"o"):
        (tmp_path / name).write_bytes(base64.b64encode(byte * 32))
    options = ["--sse-customer-key", (tmp_path / "key").as_uri()]
    other = ["--sse-customer-key", (tmp_path / "other").as_uri()]
    path = data.segment(FIRST)

    archive(s3, path, *options)
    archive(s3, path, *options)  # found there, and read back

    with pytest.raises(ClientError):
        s3.bucket.client.get_object(Bucket=s3.bucket.name, Key=KEY)
    assert_restored(s3, data, path.read_bytes(), *options)
    for wrong in other, []:
        ended = s3.attempt("wal-restore", FIRST, data.destination, options=wrong)
        assert ended.returncode == 192 + UNREACHABLE, ended.stderr
        assert f"error: cannot read {FIRST_KEY}.zst from" in ended.stderr
        assert not data.destination.exists()


@pytest.mark.parametrize(
    ("server", "options"),
    [
        ("SeaweedFS", ["-e", "AES256"]),
        ("SeaweedFS", ["--sse-customer-key"]),
        ("Ceph", [*KMS, KMS_KEY]),
        ("Ceph", ["--sse-customer-key"]),
    ],
    ids=["SeaweedFS: AES256", "SeaweedFS: key", "Ceph: aws:kms", "Ceph: key"],
)
def test_large_object_is_encrypted_in_parts(
    make_s3: MakeS3, tmp_path: Path, server: str, options: list[str]
) -> None:
    s3 = make_s3(server)
    data = DataDirectory(tmp_path / "large", segment_size=128 << 20)
    reading: list[str] = []
    if options == ["--sse-customer-key"]:
        (tmp_path / "key").write_bytes(base64.b64encode(b"k" * 32))
        options = reading = [*options, (tmp_path / "key").as_uri()]
    path = data.segment(FIRST)

    archive(s3, path, "--compression=none", *options)

    assert_restored(s3, data, path.read_bytes(), *reading)
    if not reading:
        place = {"Bucket": s3.bucket.name, "Key": f"pg/main/{FIRST_KEY}"}
        found = s3.bucket.client.head_object(**place)
        assert found["ServerSideEncryption"] == options[1]
