"""What CloudHoard makes of an archive that barman-cloud has written."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.cluster import Cluster
from tests.support.two_tools import TwoTools, rows_of
from tests.support.workplace import Workplace

pytestmark = pytest.mark.postgres

BACKUPS: Final = {
    "none": (),
    "gzip": ("--gzip",),
    "bzip2": ("--bzip2",),
    "snappy": ("--snappy",),
    "lz4": ("--lz4",),
}
"""The options for each compression of base backups that barman-cloud 3.19 has."""
WAL: Final = ("gzip", "bzip2", "xz", "snappy", "zstd", "lz4")


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
    """Backups by all compressions, and WAL by all of them."""
    tools = TwoTools.at(module_workplace)
    tools.archive_by("theirs")
    backups, rows = {}, {}
    for codec, options in BACKUPS.items():
        tools.write()
        # A new volume begins behind the first file that goes beyond the limit.
        cut = ["-S", "1MB", "--name", codec]
        backups[codec] = tools.back_up("theirs", *options, *cut)
        rows[codec] = list(tools.rows)
    for codec in WAL:
        tools.archive_by("theirs", f"--{codec}")
        tools.write()
    strange_directory(tools.cluster)
    backups["strange"] = tools.back_up("theirs", "-S", "1MB", "--name", "strange")
    return Filled(tools, backups, rows)


def strange_directory(cluster: Cluster) -> None:
    """Have a file linked out of the data directory, and pg_hba.conf outside."""
    cluster.stop()
    (cluster.data_directory / "linked").symlink_to("/etc/hostname")
    outside = cluster.directory / "pg_hba.conf"
    outside.write_text("# outside\nlocal all all trust\n")
    cluster.os_user.give(outside)
    cluster.configure({"hba_file": str(outside)})
    cluster.start()


def restore(
    filled: Filled, directory: Path, backup: str, *options: str
) -> subprocess.CompletedProcess[str]:
    place = ["--tablespace", f"ts1:{directory}-ts1", "--archive-mode", "off"]
    return filled.tools.attempt(
        "ours", "restore", backup, directory, options=[*place, *options]
    )


def restored_by_us(
    filled: Filled, workplace: Workplace, backup: str, *options: str, name: str
) -> Cluster:
    """Restore a backup with its tablespace elsewhere, and recover."""
    directory = workplace.directory / name
    answer = restore(filled, directory, backup, *options)
    assert answer.returncode == 0, answer.stderr
    (warning,) = answer.stderr.splitlines()
    assert "could not be verified" in warning
    assert "restored to" in answer.stdout
    restored = workplace.adopt(name, directory)
    filled.tools.recover_as_written(restored)
    return restored


def test_we_list_the_backups(filled: Filled) -> None:
    lines = filled.tools.run("ours", "backup-list").splitlines()

    shown = {line.split()[0]: line.split()[-1] for line in lines[1:]}
    assert shown == {backup_id: name for name, backup_id in filled.backups.items()}
    for codec, backup_id in filled.backups.items():
        volumes = filled.tools.keys(f"base/{backup_id}/data_")
        assert volumes, codec


def test_we_show_a_backup(filled: Filled) -> None:
    options = ["--format", "json"]
    words = ("backup-show", "snappy")
    ours = json.loads(filled.tools.run("ours", *words, options=options))
    theirs = json.loads(filled.tools.run("theirs", *words, options=options))

    (shown,) = ours.values()
    (expected,) = theirs.values()
    for key in ("backup_id", "begin_wal", "end_xlog", "systemid", "tablespaces"):
        assert shown[key] == expected[key]


@pytest.mark.parametrize("codec", BACKUPS)
def test_we_restore_a_backup_that_starts(
    filled: Filled, module_workplace: Workplace, codec: str
) -> None:
    restored = restored_by_us(
        filled,
        module_workplace,
        filled.backups[codec],
        "--target-immediate",
        "--target-action=promote",
        name=codec,
    )

    assert rows_of(restored) == filled.rows[codec]
    location = restored.value(
        "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'ts1'"
    )
    assert location == f"{restored.data_directory}-ts1"
    assert not (restored.data_directory / "backup_manifest").exists()
    restored.stop()


def test_we_bring_back_wal_of_every_compression(
    filled: Filled, module_workplace: Workplace
) -> None:
    restored = restored_by_us(filled, module_workplace, "oldest", name="to-the-end")

    assert rows_of(restored) == filled.tools.rows
    restored.stop()


def test_auto_chooses_the_backup_before_the_time(
    filled: Filled, module_workplace: Workplace
) -> None:
    shown = filled.tools.run("ours", "backup-show", "bzip2", options=["--format=json"])
    ((info),) = json.loads(shown).values()

    restored = restored_by_us(
        filled,
        module_workplace,
        "auto",
        f"--target-time={info['end_time_iso']}",
        "--target-action=promote",
        name="auto",
    )

    rows = rows_of(restored)
    assert rows == filled.rows["bzip2"]
    assert rows != filled.tools.rows
    restored.stop()


def test_links_and_configuration_from_outside(
    filled: Filled, module_workplace: Workplace
) -> None:
    directory = module_workplace.directory / "strange"

    refused = restore(filled, directory, "strange")

    assert refused.returncode == 1
    assert "'linked' is a symbolic link" in refused.stderr

    answer = restore(filled, directory, "strange", "--skip-links")

    assert answer.returncode == 0, answer.stderr
    assert "'linked' is a symbolic link, and is left out" in answer.stderr
    assert "(pg_hba.conf)" in answer.stderr
    assert (directory / "pg_hba.conf").read_text().startswith("# outside")
    assert not (directory / "linked").exists()
