"""What barman-cloud makes of an archive that CloudHoard has written."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.cluster import Cluster
from tests.support.two_tools import TwoTools, rows_of
from tests.support.workplace import Workplace

pytestmark = pytest.mark.postgres

BACKUPS: Final = {
    "none": "data.tar",
    "gzip": "data.tar.gz",
    "bzip2": "data.tar.bz2",
    "snappy": "data.tar.snappy",
    "lz4": "data.tar.lz4",
}
"""Compressions of base backups that barman-cloud 3.19 reads, and what they make."""
WAL: Final = ("none", "gzip", "bzip2", "xz", "snappy", "zstd", "lz4")


@dataclass
class Filled:
    """The archive, when all is in it."""

    tools: TwoTools
    backups: dict[str, str]
    """Id by compression."""
    rows: dict[str, list[int]]
    """What was in the table when each of them ended."""


@pytest.fixture(scope="module")
def filled(module_workplace: Workplace) -> Filled:
    """Backups in several volumes by all compressions, and WAL by all of them."""
    tools = TwoTools.at(module_workplace)
    tools.archive_by("ours")
    backups, rows = {}, {}
    for codec in BACKUPS:
        tools.write()
        options = ["--compression", codec, "--volume-size", "8MiB", "--name", codec]
        backups[codec] = tools.back_up("ours", *options)
        rows[codec] = list(tools.rows)
    for codec in WAL:
        tools.archive_by("ours", "--compression", codec)
        tools.write()
    return Filled(tools, backups, rows)


def test_all_was_written_as_this_module_says(filled: Filled) -> None:
    keys = filled.tools.keys()

    for codec, name in BACKUPS.items():
        volumes = [
            key for key in keys if key.startswith(f"base/{filled.backups[codec]}/data")
        ]
        assert f"base/{filled.backups[codec]}/{name}" in volumes
        assert len(volumes) > 1
    suffixes = {Path(key).suffix for key in keys if key.startswith("wals/")}
    assert suffixes >= {"", ".gz", ".bz2", ".xz", ".snappy", ".zst", ".lz4"}


def test_barman_lists_the_backups(filled: Filled) -> None:
    lines = filled.tools.run("theirs", "backup-list").splitlines()

    shown = {line.split()[0]: line.split()[-1] for line in lines[1:]}
    assert shown == {backup_id: name for name, backup_id in filled.backups.items()}


def listed_by(tools: TwoTools, tool: Any) -> dict[str, dict[str, Any]]:
    text = tools.run(tool, "backup-list", options=["--format", "json"])
    return {each["backup_id"]: each for each in json.loads(text)["backups_list"]}


def test_barman_s_json_says_of_a_backup_what_ours_says(filled: Filled) -> None:
    ours = listed_by(filled.tools, "ours")
    theirs = listed_by(filled.tools, "theirs")

    assert theirs.keys() == set(filled.backups.values())
    for backup_id, backup in theirs.items():
        common = backup.keys() & ours[backup_id].keys()
        assert {"begin_wal", "end_xlog", "systemid", "tablespaces"} <= common
        different = {
            key: (backup[key], ours[backup_id][key])
            for key in common
            if backup[key] != ours[backup_id][key]
        }
        assert different == {}


def test_barman_shows_a_backup(filled: Filled) -> None:
    text = filled.tools.run("theirs", "backup-show", filled.backups["gzip"])

    facts = dict(
        line.strip().split(": ", 1) for line in text.splitlines() if ": " in line
    )
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    info = listed_by(filled.tools, "ours")[filled.backups["gzip"]]
    assert facts["Status"] == "DONE"
    assert facts["Begin WAL"] == info["begin_wal"]
    assert facts["System Id"] == info["systemid"]


def restored_by_barman(
    filled: Filled, workplace: Workplace, codec: str, *, name: str
) -> Cluster:
    """Restore a backup with its tablespace elsewhere; not started."""
    directory = workplace.directory / name
    filled.tools.run(
        "theirs",
        "restore",
        filled.backups[codec],
        directory,
        options=["--tablespace", f"ts1:{directory}-ts1"],
    )
    return workplace.adopt(name, directory)


@pytest.mark.parametrize("codec", BACKUPS)
def test_barman_restores_a_backup_that_starts(
    filled: Filled, module_workplace: Workplace, codec: str
) -> None:
    restored = restored_by_barman(filled, module_workplace, codec, name=codec)

    end = ["recovery_target = 'immediate'", "recovery_target_action = 'promote'"]
    filled.tools.recover(restored, "theirs", settings=end)
    assert rows_of(restored) == filled.rows[codec]
    location = restored.value(
        "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'ts1'"
    )
    assert location == f"{restored.data_directory}-ts1"
    restored.stop()


def test_barman_brings_back_wal_of_every_compression(
    filled: Filled, module_workplace: Workplace
) -> None:
    restored = restored_by_barman(filled, module_workplace, "none", name="to-the-end")

    filled.tools.recover(restored, "theirs")
    assert rows_of(restored) == filled.tools.rows
    restored.stop()


def test_barman_finds_the_archive_in_use(filled: Filled) -> None:
    answer = filled.tools.attempt("theirs", "check-wal-archive")

    assert answer.returncode == 1
    assert "Expected empty archive" in answer.stderr


def test_barman_keeps_and_releases(filled: Filled) -> None:
    backup_id = filled.backups["bzip2"]

    def keep(*options: str) -> str:
        return filled.tools.run("theirs", "backup-keep", backup_id, options=options)

    assert keep("--status") == "Keep: nokeep\n"
    keep("--target", "standalone")
    assert keep("--status") == "Keep: standalone\n"
    kept = filled.tools.run("ours", "backup-list")
    assert [line.split()[0] for line in kept.splitlines() if "standalone" in line] == [
        backup_id
    ]
    keep("--release")
    assert keep("--status") == "Keep: nokeep\n"


def test_barman_deletes_a_backup(filled: Filled) -> None:
    """It leaves the objects that are ours alone, of which no backup is made."""
    backup_id = filled.tools.back_up("ours", "--compression", "gzip")

    filled.tools.run("theirs", "backup-delete", options=["--backup-id", backup_id])

    left = filled.tools.keys(f"base/{backup_id}/")
    assert not [key for key in left if key.endswith(("backup.info", ".tar.gz"))]
    for tool in ("ours", "theirs"):
        assert "DONE" not in [
            each["status"]
            for each in listed_by(filled.tools, tool).values()
            if each["backup_id"] == backup_id
        ]
