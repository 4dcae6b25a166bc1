"""Commands that are killed, or asked to end, in the middle of an upload to a bucket."""

import signal
from pathlib import Path
from typing import Final

import pytest

from tests.support.exchanges import calls
from tests.support.processes import wait_until
from tests.support.s3_commands import S3Commands
from tests.support.wal_files import FIRST, FIRST_KEY, IDENTITY, DataDirectory

MIB: Final = 1 << 20
LARGE: Final = 128 * MIB
"""A segment that is sent in parts, as it is more than 100 MiB."""
A_PART: Final = "^PUT .*partNumber="
PLAIN: Final = ["--compression", "none"]


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    return DataDirectory(tmp_path / "data", segment_size=LARGE).segment(FIRST)


def assert_archived_now(s3: S3Commands, segment: Path) -> None:
    """Archive the segment and fetch it again; nothing else is in the bucket then."""
    archived = s3.attempt("wal-archive", segment, options=PLAIN)

    assert archived.returncode == 0, archived.stderr
    assert s3.bucket.uploads("") == []
    assert s3.stored() == [IDENTITY, FIRST_KEY]
    copy = segment.with_name("copy")
    assert s3.attempt("wal-restore", FIRST, copy).returncode == 0
    assert copy.read_bytes() == segment.read_bytes()


def test_killed_between_parts_nothing_is_seen_and_the_next_drops_what_is_left(
    s3: S3Commands, segment: Path
) -> None:
    with s3.proxy.held(A_PART, passing=3) as gate:
        process = s3.spawn("wal-archive", segment, options=PLAIN)
        gate.wait_for()
        process.kill()
        process.communicate()

    assert s3.stored() == [IDENTITY]
    assert len(s3.bucket.uploads("")) == 1
    assert_archived_now(s3, segment)


def test_killed_while_its_commit_is_on_its_way(s3: S3Commands, segment: Path) -> None:
    with s3.proxy.held("^POST .*uploadId=") as gate:
        process = s3.spawn("wal-archive", segment, options=PLAIN)
        gate.wait_for()
        process.kill()
        process.communicate()
        assert s3.stored() == [IDENTITY]

    # It may arrive while the next one is at work.
    assert_archived_now(s3, segment)


def test_killed_in_the_middle_of_a_part(s3: S3Commands, segment: Path) -> None:
    with s3.proxy.held(A_PART, after=MIB) as gate:
        process = s3.spawn("wal-archive", segment, options=PLAIN)
        gate.wait_for(2)
        process.kill()
        process.communicate()

    assert s3.stored() == [IDENTITY]
    assert_archived_now(s3, segment)


def test_killed_when_stored_and_not_told_it_succeeds_the_next_time(
    s3: S3Commands, segment: Path
) -> None:
    with s3.proxy.held("^POST .*uploadId=", "answer") as gate:
        process = s3.spawn("wal-archive", segment, options=PLAIN)
        gate.wait_for()
        process.kill()
        process.communicate()

    assert s3.stored() == [IDENTITY, FIRST_KEY]
    assert_archived_now(s3, segment)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_aborts_the_upload_at_once(
    s3: S3Commands, segment: Path, number: signal.Signals
) -> None:
    with s3.proxy.held(A_PART, passing=3, after=MIB) as gate:
        process = s3.spawn("wal-archive", segment, options=PLAIN)
        gate.wait_for()
        process.send_signal(number)
        # While parts are on their way still, in a network that takes its time.
        wait_until(lambda: s3.bucket.uploads("") == [], "the upload is aborted", 8)
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert f"interrupted by {number.name}" in errors
    assert calls(s3.proxy.taken())["COMPLETE"] == 0
    assert s3.bucket.uploads("") == []
    assert s3.stored() == [IDENTITY]
    assert_archived_now(s3, segment)
