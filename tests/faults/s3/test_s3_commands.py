"""Faults of network and store, as PostgreSQL's own calls meet them.

Whatever happens, what is archived is whole and what is restored is what was archived.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.services.ceph import ceph_endpoint
from tests.services.seaweedfs import READER, WRITER, seaweedfs_endpoint
from tests.support.fault_proxy import FaultProxy
from tests.support.http_faults import Kind
from tests.support.s3_commands import S3Commands
from tests.support.s3_store import Bucket
from tests.support.wal_files import (
    FIRST,
    SECOND,
    SYSTEM,
    DataDirectory,
    segment_bytes,
)

UNREACHABLE: Final = 2
DAMAGED: Final = 5
STRICT: Final = 192
MIB: Final = 1 << 20
PLAIN: Final = "--compression=none"
SIZE: Final = 16 * MIB
THE_SECOND: Final = f"^PUT .*/wals/.*{SECOND}"
CONTENT: Final = segment_bytes(SECOND, system=SYSTEM, segment_size=SIZE)


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    """A data directory, for recovery, with a second segment that is not archived."""
    data = DataDirectory(tmp_path / "data", segment_size=SIZE)
    data.signal("recovery.signal")
    return data


@pytest.fixture
def begun(s3: S3Commands, data: DataDirectory) -> S3Commands:
    """An archive with the first segment in it."""
    ended = s3.attempt("wal-archive", data.segment(FIRST))
    assert ended.returncode == 0, ended.stderr
    return s3


@pytest.fixture
def filled(begun: S3Commands, data: DataDirectory) -> S3Commands:
    """An archive with both."""
    ended = begun.attempt("wal-archive", data.segment(SECOND), options=[PLAIN])
    assert ended.returncode == 0, ended.stderr
    return begun


def assert_restored(s3: S3Commands, data: DataDirectory) -> None:
    ended = s3.attempt("wal-restore", SECOND, data.destination)
    assert ended.returncode == 0, ended.stderr
    assert data.destination.read_bytes() == CONTENT


def test_recovery_outlasts_a_store_that_is_started_again(
    filled: S3Commands, data: DataDirectory
) -> None:
    outage = filled.proxy.add("^GET", "reset request", times=6, after=0)

    assert_restored(filled, data)

    assert outage.seen == outage.times


STORING: list[tuple[Kind, int, str]] = [
    ("reset request", 0, ""),
    ("damage request", 0, ""),
    ("swallow", 0, ""),
    ("status", 500, "InternalError"),
    ("status", 503, "SlowDown"),
    ("status", 409, "ConditionalRequestConflict"),
]


@pytest.mark.parametrize(("kind", "status", "code"), STORING)
@pytest.mark.parametrize("times", [1, 2])
def test_wal_archive_gets_past_it(
    begun: S3Commands,
    data: DataDirectory,
    kind: Kind,
    status: int,
    code: str,
    times: int,
) -> None:
    fault = begun.proxy.add(
        THE_SECOND, kind, times=times, status=status, code=code, after=5 * MIB
    )

    ended = begun.attempt("wal-archive", data.segment(SECOND), options=[PLAIN])

    # An answer that is lost is not asked for again: the object is read back.
    assert ended.returncode == 0, ended.stderr
    assert 1 <= fault.seen <= times
    assert_restored(begun, data)


def test_store_that_refuses_conditions_is_looked_at_instead(
    begun: S3Commands, data: DataDirectory
) -> None:
    begun.proxy.add(THE_SECOND, "status", status=501, code="NotImplemented")

    ended = begun.attempt("wal-archive", data.segment(SECOND), options=[PLAIN])

    assert ended.returncode == 0, ended.stderr
    assert_restored(begun, data)


@pytest.mark.parametrize("kind", ["reset request", "damage request", "swallow"])
def test_large_segment_gets_past_it(s3: S3Commands, tmp_path: Path, kind: Kind) -> None:
    data = DataDirectory(tmp_path / "large", segment_size=128 * MIB)
    path = data.segment(FIRST)
    pattern = "^POST .*uploadId" if kind == "swallow" else r"^PUT .*partNumber=2\b"
    fault = s3.proxy.add(pattern, kind, after=5 * MIB)

    ended = s3.attempt("wal-archive", path, options=[PLAIN])

    assert (ended.returncode, fault.seen) == (0, 1), ended.stderr
    got = tmp_path / "got"
    assert s3.attempt("wal-restore", FIRST, got).returncode == 0
    assert got.read_bytes() == path.read_bytes()


RESTORING: list[tuple[Kind, int, str]] = [
    ("reset answer", 0, ""),
    ("cut answer", 0, ""),
    ("status", 500, "InternalError"),
    ("status", 503, "SlowDown"),
]


@pytest.mark.parametrize(("kind", "status", "code"), RESTORING)
def test_wal_restore_gets_past_it(
    filled: S3Commands, data: DataDirectory, kind: Kind, status: int, code: str
) -> None:
    fault = filled.proxy.add(
        "^GET .*/wals/", kind, times=2, status=status, code=code, after=5 * MIB
    )

    assert_restored(filled, data)

    assert fault.seen == 2


@pytest.mark.parametrize("kind", ["reset answer", "cut answer"])
def test_answer_that_never_gets_through_stops_recovery(
    filled: S3Commands, data: DataDirectory, kind: Kind
) -> None:
    filled.proxy.add("^GET .*/wals/", kind, times=99, after=0)
    options = ["--retries=1"]

    ended = filled.attempt("wal-restore", SECOND, data.destination, options=options)

    assert ended.returncode == STRICT + UNREACHABLE
    assert "error: cannot read wals/" in ended.stderr
    assert list(data.pg_wal.glob("*RECOVERYXLOG*")) == []


def test_answer_that_was_changed_on_the_way_is_damage(
    begun: S3Commands, data: DataDirectory
) -> None:
    begun.proxy.add("^GET .*/wals/", "damage answer", times=99, after=2000)

    ended = begun.attempt("wal-restore", FIRST, data.destination)

    assert ended.returncode == STRICT + DAMAGED, ended.stderr
    assert FIRST in ended.stderr
    assert not data.destination.exists()


REFUSALS: Final = [
    (403, "AccessDenied", "docs/storage.md"),
    (403, "RequestTimeTooSkewed", "set the clock of this host"),
    (403, "SignatureDoesNotMatch", "check the secret key"),
    (403, "InvalidAccessKeyId", "check AWS_ACCESS_KEY_ID"),
    (400, "ExpiredToken", "renew the credentials"),
    (404, "NoSuchBucket", "create the bucket"),
    (301, "PermanentRedirect", "set --region"),
    (400, "AuthorizationHeaderMalformed", "set --region"),
]


@pytest.mark.parametrize(("status", "code", "hint"), REFUSALS)
def test_refusal_is_told_with_what_to_do(
    filled: S3Commands, data: DataDirectory, status: int, code: str, hint: str
) -> None:
    third = data.segment("000000010000000000000003")
    for verb, command, words, exit_code, says in (
        ("PUT", "wal-archive", [third], UNREACHABLE, "cannot write wals/"),
        (
            "GET",
            "wal-restore",
            [SECOND, data.destination],
            STRICT + UNREACHABLE,
            "cannot list wals/",
        ),
        ("GET", "backup-list", [], UNREACHABLE, "cannot list base/*"),
    ):
        filled.proxy.faults.clear()
        pattern = f"^{verb} .*(/wals/|prefix=)"
        filled.proxy.add(pattern, "status", times=99, status=status, code=code)

        ended = filled.attempt(command, *words)

        assert ended.returncode == exit_code, ended.stderr
        error, hinted = ended.stderr.splitlines()
        assert f"error: {says}" in error
        assert filled.proxy.url in error
        assert code in error
        assert f"hint: {hint}" in hinted or hint in hinted
        assert not data.destination.exists()


@pytest.mark.parametrize("endpoint", [seaweedfs_endpoint, ceph_endpoint])
def test_real_refusals_of_real_stores(endpoint: object, data: DataDirectory) -> None:
    assert callable(endpoint)
    bucket = Bucket(endpoint(), WRITER)
    with FaultProxy(bucket.endpoint) as proxy:
        for user, name, code in (
            ((WRITER[0], "wrong"), bucket.name, "SignatureDoesNotMatch"),
            (("nobody", "wrong"), bucket.name, "InvalidAccessKeyId"),
            (WRITER, "t-missing", "NoSuchBucket"),
        ):
            refused = Bucket.__new__(Bucket)
            refused.__dict__.update(bucket.__dict__, user=user, name=name)
            s3 = S3Commands(refused, proxy)

            archived = s3.attempt("wal-archive", data.segment(FIRST))
            restored = s3.attempt("wal-restore", FIRST, data.destination)

            assert archived.returncode == UNREACHABLE, archived.stderr
            assert restored.returncode == STRICT + UNREACHABLE, restored.stderr
            for ended in archived, restored:
                error, hint = ended.stderr.splitlines()
                assert code in error
                assert "hint: " in hint


def test_right_to_read_only_is_not_enough(
    begun: S3Commands, data: DataDirectory
) -> None:
    reader = Bucket.__new__(Bucket)
    reader.__dict__.update(begun.bucket.__dict__, user=READER)
    s3 = S3Commands(reader, begun.proxy)

    ended = s3.attempt("wal-archive", data.segment(SECOND))

    assert ended.returncode == UNREACHABLE
    assert "error: cannot write wals/" in ended.stderr
    assert "AccessDenied" in ended.stderr
    assert s3.attempt("wal-restore", FIRST, data.destination).returncode == 0
