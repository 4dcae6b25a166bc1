"""Deletions in a bucket that are killed, or not allowed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from cloudhoard.domain.archive_layout import (
    backup_prefix,
    deleting_key,
    started_key,
    wal_key,
)
from cloudhoard.domain.lsn import Lsn
from cloudhoard.storage.protocol import Storage
from tests.services.seaweedfs import READER
from tests.support.catalogs import SEGMENT_SIZE, id_at, segment
from tests.support.made_up_backups import (
    made_up_info,
    made_up_marker,
    put_identity,
    put_info,
)
from tests.support.s3_commands import SERVER, S3Commands
from tests.support.stores import put, wait_for_the_next_second

POLICY: Final = ["--retention-policy", "REDUNDANCY 1"]
VOLUMES: Final = ("data.tar.zst", "data_0001.tar.zst")


def store_backup(storage: Storage, days: int, begin: int) -> str:
    stopped_at = datetime.now(UTC) - timedelta(days=days)
    backup_id = id_at(stopped_at)
    put(storage, started_key(backup_id), made_up_marker(backup_id).to_json())
    for name in VOLUMES:
        put(storage, backup_prefix(backup_id) + name)
    info = made_up_info(
        backup_id,
        begin_wal=segment(begin),
        begin_xlog=Lsn(begin * SEGMENT_SIZE + 40),
        end_wal=segment(begin),
        end_time=stopped_at,
    )
    put_info(storage, info, backup_id)
    return backup_id


@pytest.fixture
def backups(s3: S3Commands) -> list[str]:
    """Three backups, the oldest first, and WAL."""
    storage = s3.bucket.open(f"pg/{SERVER}")
    storage.trust_conditions(honoured=True)
    put_identity(storage)
    for number in range(9):
        put(storage, f"{wal_key(segment(number))}.zst")
    made = [store_backup(storage, 9 - 3 * n, 3 * n) for n in range(3)]
    wait_for_the_next_second(storage)
    return made


def complete_in(s3: S3Commands) -> list[str]:
    ended = s3.attempt("backup-list", options=["--format", "json"])
    assert ended.returncode == 0, ended.stderr
    listed = json.loads(ended.stdout)["backups_list"]
    return [each["backup_id"] for each in listed if each["status"] == "DONE"]


def check_that_what_is_listed_is_whole(s3: S3Commands, backups: list[str]) -> None:
    stored = set(s3.stored())
    complete = complete_in(s3)
    assert backups[-1] in complete
    for backup_id in complete:
        assert {backup_prefix(backup_id) + name for name in VOLUMES} <= stored
        begin = 3 * backups.index(backup_id)
        assert {f"{wal_key(segment(n))}.zst" for n in range(begin, 9)} <= stored


@pytest.mark.parametrize("passing", [0, 1, 2, 3, 4, 5])
def test_killed_at_any_deletion_nothing_is_half_there_and_the_next_run_finishes(
    s3: S3Commands, backups: list[str], passing: int
) -> None:
    with s3.proxy.held("^(DELETE|POST) ", passing=passing) as gate:
        process = s3.spawn("backup-delete", options=POLICY)
        gate.wait_for()
        process.kill()
        process.communicate()
        check_that_what_is_listed_is_whole(s3, backups)
    # What was held may arrive now, or never.
    check_that_what_is_listed_is_whole(s3, backups)

    again = s3.attempt("backup-delete", options=POLICY)

    assert again.returncode == 0, again.stderr
    assert complete_in(s3) == backups[-1:]
    left = [key for key in s3.stored() if not key.startswith("cloudhoard/clock/")]
    assert not [key for key in left if backups[0] in key or backups[1] in key]
    wal = [key for key in left if key.startswith("wals/")]
    assert wal == [f"{wal_key(segment(n))}.zst" for n in (6, 7, 8)]


def test_who_may_only_read_changes_nothing(s3: S3Commands, backups: list[str]) -> None:
    before = s3.stored()
    s3.bucket.user = READER

    ended = s3.attempt("backup-delete", options=POLICY)
    kept = s3.attempt("backup-keep", backups[0], options=["--target", "full"])

    assert (ended.returncode, kept.returncode) == (2, 2)
    assert "error: cannot write" in ended.stderr
    assert s3.stored() == before


def test_a_signal_withdraws_the_markers_of_what_is_whole(
    s3: S3Commands, backups: list[str]
) -> None:
    with s3.proxy.held(f"^GET .*/{backups[2]}/backup.info", passing=1) as gate:
        process = s3.spawn("backup-delete", options=POLICY)
        gate.wait_for()
        assert deleting_key(backups[0]) in s3.stored()
        process.terminate()
        gate.open()
        process.communicate(timeout=60)

    assert process.returncode == 1
    assert complete_in(s3) == backups
    assert not [key for key in s3.stored() if key.endswith("deleting.json")]
