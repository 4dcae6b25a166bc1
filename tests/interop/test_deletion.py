"""Keeping and deleting with one tool what the other one has to do with."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cloudhoard.domain.archive_layout import (
    IDENTITY_KEY,
    deleting_key,
    keep_key,
    wal_key,
)
from cloudhoard.storage.protocol import Storage
from tests.support.barman import ENVIRONMENT
from tests.support.both_tools import BothTools
from tests.support.catalogs import id_at, segment
from tests.support.fault_proxy import FaultProxy
from tests.support.made_up_backups import made_up_info, put_identity, put_info
from tests.support.programs import command_path
from tests.support.s3_store import credentials
from tests.support.stores import get, put, wait_for_the_next_second

OLD, MIDDLE, NEW = (
    id_at(datetime.now(UTC) - timedelta(days=days)) for days in (9, 6, 3)
)


@pytest.fixture
def tools() -> BothTools:
    return BothTools.found()


@pytest.fixture
def archive(tools: BothTools) -> Storage:
    """Three backups as both tools could have made them, and WAL."""
    storage = tools.bucket.open("pg/main")
    storage.trust_conditions(honoured=True)
    put_identity(storage)
    for number in range(9):
        put(storage, f"{wal_key(segment(number))}.gz")
    for number, backup_id in enumerate((OLD, MIDDLE, NEW)):
        put(storage, f"base/{backup_id}/data.tar.gz")
        put(storage, f"base/{backup_id}/data_0001.tar.gz")
        info = made_up_info(
            backup_id,
            begin_wal=segment(3 * number),
            begin_xlog=None,
            end_wal=segment(3 * number),
            end_time=datetime.now(UTC) - timedelta(days=9 - 3 * number),
            tablespaces=(),
        )
        put_info(storage, info, backup_id)
    wait_for_the_next_second(storage)
    return storage


def answer(tools: BothTools, tool: str, line: str, *, code: int = 0) -> str:
    ended = tools.run(tool, line, Path())
    assert ended.returncode == code, ended.stderr
    return ended.stdout


def listed_by_barman(tools: BothTools) -> list[str]:
    text = answer(tools, "theirs", "backup-list --format json {url} main")
    return [each["backup_id"] for each in json.loads(text)["backups_list"]]


def delete_obsolete(tools: BothTools, endpoint: str) -> list[str]:
    """Our command line for a policy that only the newest backup is asked for by."""
    url = f"s3://{tools.bucket.name}/pg"
    program = command_path("backup-delete")
    return [program, "--endpoint-url", endpoint, "-r", "REDUNDANCY 1", url, "main"]


@pytest.mark.parametrize(
    ("one", "other", "target"),
    [("ours", "theirs", "full"), ("theirs", "ours", "standalone")],
)
def test_what_one_keeps_the_other_knows(
    tools: BothTools, archive: Storage, one: str, other: str, target: str
) -> None:
    answer(tools, one, f"backup-keep --target {target} {{url}} main {OLD}")

    assert get(archive, keep_key(OLD)) == target.encode()
    status = f"backup-keep --status {{url}} main {OLD}"
    text = answer(tools, other, status)
    assert text == answer(tools, one, status) == f"Keep: {target}\n"
    answer(tools, other, f"backup-delete -b {OLD} {{url}} main", code=1)
    answer(tools, other, f"backup-keep --release {{url}} main {OLD}")
    assert answer(tools, one, status) == "Keep: nokeep\n"
    answer(tools, other, f"backup-delete -b {OLD} {{url}} main")
    assert listed_by_barman(tools) == [MIDDLE, NEW]


def test_barman_never_sees_a_backup_that_is_half_deleted(
    tools: BothTools, archive: Storage
) -> None:
    with (
        FaultProxy(tools.bucket.endpoint) as proxy,
        proxy.held("^(DELETE|POST) ", passing=2) as gate,
    ):
        process = subprocess.Popen(
            delete_obsolete(tools, proxy.url),
            env={**os.environ, **credentials(tools.bucket.user)},
        )
        gate.wait_for()
        found = [each.key for each in archive.list_objects(f"base/{OLD}/")]
        assert deleting_key(OLD) in found
        assert f"base/{OLD}/data_0001.tar.gz" in found
        assert listed_by_barman(tools) == [MIDDLE, NEW]
        process.kill()
        process.wait(timeout=60)
    assert listed_by_barman(tools) == [MIDDLE, NEW]
    answer(tools, "theirs", f"backup-show {{url}} main {OLD}", code=1)


@pytest.mark.parametrize("tool", ["ours", "theirs"])
def test_both_delete_the_same_by_a_policy(
    tools: BothTools, archive: Storage, tool: str
) -> None:
    program, *words = delete_obsolete(tools, tools.bucket.endpoint)
    theirs = str(tools.barman / "barman-cloud-backup-delete")
    env = {**os.environ, **credentials(tools.bucket.user), **ENVIRONMENT}
    argv = [program if tool == "ours" else theirs, *words]

    subprocess.run(argv, env=env, check=True, timeout=60)

    found = [each.key for each in archive.list_objects()]
    assert found == [
        f"base/{NEW}/backup.info",
        f"base/{NEW}/data.tar.gz",
        f"base/{NEW}/data_0001.tar.gz",
        IDENTITY_KEY,
        *(f"{wal_key(segment(number))}.gz" for number in (6, 7, 8)),
    ]
