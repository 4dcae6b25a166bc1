"""A backup holds the files that pg_basebackup would take, on every major version.

CLOUDHOARD_TEST_PG_BINS names further installations: directories of programs, with
colons between them.  One that comes without pg_basebackup borrows that of another.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import Archive, BackupRunner, StoredBackup
from tests.support.cluster import Cluster
from tests.support.os_user import OsUser
from tests.support.programs import PostgresPrograms, find_postgres
from tests.support.template import DataDirectoryMaker

pytestmark = pytest.mark.postgres


def installations() -> list[PostgresPrograms]:
    named = os.environ.get("CLOUDHOARD_TEST_PG_BINS", "")
    found = [PostgresPrograms.at(Path(each)) for each in named.split(":") if each]
    usual = find_postgres()
    if usual is not None and usual.major not in {each.major for each in found}:
        found.append(usual)
    return sorted(found, key=lambda each: each.major)


def program(name: str, major: int) -> str:
    """The program of that name that knows servers of that major version."""
    usable = [each for each in installations() if each.has(name)]
    newer = [each for each in usable if each.major >= major]
    if not newer:
        pytest.skip(f"no installation has {name}")
    return newer[0].path(name)


@pytest.fixture(params=installations(), ids=lambda found: f"PostgreSQL {found.major}")
def cluster(
    request: pytest.FixtureRequest, work_directory: Path, os_user: OsUser
) -> Iterator[Cluster]:
    directory = work_directory / "c"
    directory.mkdir()
    archive = Archive(work_directory / "archive")
    maker = DataDirectoryMaker(request.param, os_user)
    settings = {"archive_mode": "on", "archive_command": archive.archive_command}
    if request.param.major >= 17:
        settings["summarize_wal"] = "on"
    cluster = Cluster.create(os_user.give(directory), maker, settings=settings)
    cluster.run(["mkdir", str(archive.root)])
    cluster.start()
    yield cluster
    cluster.stop("immediate")


def fill(cluster: Cluster, work_directory: Path) -> None:
    """Have everything that one or the other may leave out."""
    for name, place in (
        ("fast", work_directory / "fast"),
        ("inside", cluster.data_directory / "inside"),
    ):
        cluster.run(["mkdir", str(place)])
        cluster.execute(f"create tablespace {name} location '{place}'")
        cluster.execute(f"create table t_{name} (n int primary key) tablespace {name}")
        cluster.execute(f"create unlogged table u_{name} (n int) tablespace {name}")
        cluster.execute(f"insert into u_{name} values (1)")
    cluster.execute("create unlogged table u as select generate_series(1, 10000) n")
    cluster.execute("create index on u (n)")
    cluster.execute("vacuum u")
    cluster.execute("select pg_create_physical_replication_slot('slot', true)")
    for name in (
        *("base/pgsql_tmp/pgsql_tmp7.0/0", "base/4/pgsql_tmp1", ".DS_Store"),
        *("pg_stat_tmp/x/y", "pg_notify/z", "backup_label", "backup_label.old"),
        *("tablespace_map", "tablespace_map.old", "postgresql.auto.conf.tmp"),
        *("log/server.log", "base/1/t3_16384_fsm", "notes/t3_16384", "notes/5_init"),
        *("notes/5", "notes/pg_internal.init.9", "pg_wal/summaries/x", "my.conf"),
    ):
        cluster.run(["mkdir", "-p", str((cluster.data_directory / name).parent)])
        cluster.run(["tee", str(cluster.data_directory / name)], input="x")
    cluster.execute("checkpoint")


def pg_basebackup(cluster: Cluster, work_directory: Path) -> dict[str, int]:
    target = work_directory / "theirs"
    argv = [program("pg_basebackup", cluster.programs.major), "-D", str(target)]
    argv += ["--wal-method=none", "--checkpoint=fast", "--no-sync", "--format=tar"]
    cluster.run(argv)
    return sizes(json.loads((target / "backup_manifest").read_text()))


def sizes(manifest: dict[str, list[dict[str, object]]]) -> dict[str, int]:
    return {str(each["Path"]): int(str(each["Size"])) for each in manifest["Files"]}


def test_files_are_those_of_pg_basebackup(
    cluster: Cluster, work_directory: Path
) -> None:
    fill(cluster, work_directory)
    runner = BackupRunner(cluster, Archive(work_directory / "archive"))

    ours = sizes(runner.take().manifest)
    theirs = pg_basebackup(cluster, work_directory)

    # macOS litter; PostgreSQL knows it from 15 on.
    theirs.pop(".DS_Store", None)
    # Links are made by restore, not by the server; the label is another one.
    assert "tablespace_map" not in ours
    del theirs["tablespace_map"], theirs["backup_label"], ours["backup_label"]
    assert sorted(set(ours) ^ set(theirs)) == []
    differing = {each for each in ours if ours[each] != theirs[each]}
    assert differing <= {"global/pg_internal.init"}


def test_unpacked_backup_is_verified_by_the_majors_own_program(
    cluster: Cluster, work_directory: Path
) -> None:
    fill(cluster, work_directory)
    runner = BackupRunner(cluster, Archive(work_directory / "archive"))

    backup: StoredBackup = runner.take("--volume-size", "4MB")

    target = work_directory / "restored"
    backup.unpack(cluster, target)
    verifier = program("pg_verifybackup", cluster.programs.major)
    cluster.run([verifier, "-n", str(target)])
