"""How a bucket is reached: https, profiles, and what a picky store is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.services.seaweedfs import WRITER
from tests.support.certificates import Authority
from tests.support.fault_proxy import FaultProxy
from tests.support.s3_commands import S3Commands
from tests.support.wal_files import FIRST, DataDirectory

UNREACHABLE: Final = 2
NEWER_CHECKSUMS: Final = r"\nx-amz-(checksum-|sdk-checksum|trailer)|aws-chunked"


@dataclass(frozen=True)
class Commands(S3Commands):
    """The same with another environment, and no options by themselves."""

    settings: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] | None = None

    @property
    def reach(self) -> list[str]:
        return super().reach if self.options is None else list(self.options)

    @property
    def environment(self) -> dict[str, str]:
        found = {**super().environment, **self.settings}
        return {name: value for name, value in found.items() if value}


def assert_all_works(s3: S3Commands, data: DataDirectory, *options: str) -> None:
    path = data.segment(FIRST)
    got = data.path / "got"
    for command, *words in (
        ("check-wal-archive",),
        ("wal-archive", path),
        ("wal-archive", path),
        ("wal-restore", FIRST, got),
        ("backup-list",),
    ):
        ended = s3.attempt(command, *words, options=options)
        assert ended.returncode == 0, ended.stderr
    assert got.read_bytes() == path.read_bytes()


def test_https_with_an_authority_of_ones_own(
    s3: S3Commands, data: DataDirectory, tmp_path: Path
) -> None:
    trusted, other = Authority(tmp_path), Authority(tmp_path, "other")
    tls = trusted.server_context()
    with FaultProxy(s3.bucket.endpoint, tls=tls) as proxy:
        over_tls = S3Commands(s3.bucket, proxy)

        assert_all_works(over_tls, data, f"--ca-bundle={trusted.path}")
        for wrong in [f"--ca-bundle={other.path}"], []:
            ended = over_tls.attempt(
                "wal-restore", FIRST, data.destination, options=[*wrong, "--retries=0"]
            )

            assert ended.returncode == 192 + UNREACHABLE
            assert "error: cannot " in ended.stderr
            assert "certificate verify failed" in ended.stderr
            assert "hint: give the authority" in ended.stderr
            assert len(ended.stderr.splitlines()) == 2


def test_authority_of_the_environment(
    s3: S3Commands, data: DataDirectory, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    with FaultProxy(s3.bucket.endpoint, tls=authority.server_context()) as proxy:
        settings = {"AWS_CA_BUNDLE": str(authority.path)}
        assert_all_works(Commands(s3.bucket, proxy, settings), data)


def test_authority_that_is_no_file_is_a_usage_error(
    s3: S3Commands, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.pem"

    ended = s3.attempt("backup-list", options=[f"--ca-bundle={missing}"])

    assert ended.returncode == 3, ended.stderr
    assert str(missing) in ended.stderr


def test_strict_store_needs_nothing_but_the_endpoint(
    s3: S3Commands, data: DataDirectory
) -> None:
    with FaultProxy(s3.bucket.endpoint, strict=NEWER_CHECKSUMS) as proxy:
        assert_all_works(S3Commands(s3.bucket, proxy), data)

        sent = b"".join(proxy.heads).lower()
        assert b"\r\ncontent-md5: " in sent


def test_environment_asks_for_the_newer_checksums(
    s3: S3Commands, data: DataDirectory
) -> None:
    settings = {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_supported"}

    assert_all_works(Commands(s3.bucket, s3.proxy, settings), data)

    sent = b"".join(s3.proxy.heads).lower()
    assert b"\r\nx-amz-checksum-crc32: " in sent
    assert b"content-md5" not in sent


@pytest.mark.parametrize("options", [("--aws-profile", "backups"), ("-P", "backups")])
def test_profile_says_everything(
    s3: S3Commands, data: DataDirectory, tmp_path: Path, options: tuple[str, ...]
) -> None:
    config, secrets = tmp_path / "config", tmp_path / "credentials"
    config.write_text(
        f"[profile backups]\nregion = us-east-1\nendpoint_url = {s3.proxy.url}\n"
        "request_checksum_calculation = when_supported\n"
    )
    secrets.write_text(
        "[backups]\n"
        f"aws_access_key_id = {WRITER[0]}\naws_secret_access_key = {WRITER[1]}\n"
    )
    settings = {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(secrets),
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "",
    }

    assert_all_works(Commands(s3.bucket, s3.proxy, settings, options), data)

    assert b"\r\nx-amz-checksum-crc32: " in b"".join(s3.proxy.heads).lower()


def test_profile_that_is_not_there_is_a_usage_error(s3: S3Commands) -> None:
    ended = s3.attempt("backup-list", options=["-P", "nobody"])

    assert ended.returncode == 3
    assert "error: the config profile (nobody) could not be found" in ended.stderr
