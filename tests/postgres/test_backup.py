"""What a base backup of a real server holds, and that it starts."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.backups import Archive, BackupRunner, put_wal
from tests.support.cluster import Cluster
from tests.support.requirements import program

pytestmark = pytest.mark.postgres

Adopt = Callable[[str, Path], Cluster]


@pytest.fixture
def archive(work_directory: Path, cluster: Cluster) -> Archive:
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])
    cluster.configure({"archive_command": archive.archive_command})
    return archive


@pytest.fixture
def runner(cluster: Cluster, archive: Archive) -> BackupRunner:
    return BackupRunner(cluster, archive)


def verify(cluster: Cluster, target: Path, *options: str) -> None:
    cluster.run([cluster.programs.path("pg_verifybackup"), *options, str(target)])


def make_tablespace(cluster: Cluster, place: Path, name: str) -> None:
    cluster.run(["mkdir", str(place)])
    cluster.execute(f"create tablespace {name} location '{place}'")
    cluster.execute(f"create table in_{name} (n int) tablespace {name}")
    cluster.execute(f"insert into in_{name} select generate_series(1, 1000)")


def test_backup_unpacked_by_tar_is_verified_and_starts(
    cluster: Cluster,
    archive: Archive,
    runner: BackupRunner,
    work_directory: Path,
    adopt_cluster: Adopt,
) -> None:
    make_tablespace(cluster, work_directory / "fast", "fast")
    make_tablespace(cluster, cluster.data_directory / "inside", "inside")
    cluster.execute("create table kept as select generate_series(1, 10000) n")
    cluster.execute("create unlogged table forgotten as select 1 n")

    backup = runner.take("--jobs", "3", "--volume-size", "4MB")

    target = work_directory / "restored"
    backup.unpack(cluster, target)
    verify(cluster, target, "-n")
    put_wal(cluster, archive, target)
    verify(cluster, target)
    cluster.stop()
    restored = adopt_cluster("restored", target)
    restored.start()
    assert restored.sql(
        "select (select count(*) from kept), (select count(*) from forgotten),"
        " (select count(*) from in_fast), (select count(*) from in_inside)"
    ) == [("10000", "0", "1000", "1000")]


def test_volumes_are_as_small_as_asked_and_listed_in_the_manifests_order(
    runner: BackupRunner,
) -> None:
    backup = runner.take("--jobs", "3", "--volume-size", "4MB")

    objects = backup.volume_list["objects"]
    volumes = [each for each in objects if each["kind"] == "data"]
    assert len(volumes) > 4
    assert max(each["plain_size"] for each in volumes) <= (4 << 20) + (64 << 10)
    paths = backup.manifest_paths
    assert sum(each["files"] for each in volumes) == len(paths)
    assert paths[-2:] == ["global/pg_control", "backup_label"]
    assert volumes[-1]["files"] == 2


def test_what_was_taken_is_told_as_json_when_asked_for(runner: BackupRunner) -> None:
    quiet = runner.attempt()
    told = runner.attempt("--format", "json", "--name", "told")

    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert told.returncode == 0
    document = json.loads(told.stdout)
    assert document["backup_id"] == runner.archive.backup_ids[-1]
    assert (document["backup_name"], document["status"]) == ("told", "DONE")


def test_first_volume_begins_with_the_directories_that_must_be_there(
    cluster: Cluster, runner: BackupRunner
) -> None:
    backup = runner.take("--jobs", "4", "--compression", "none")

    listing = cluster.run(["tar", "-tvf", str(backup.path / "data.tar")]).stdout
    first = [line.split() for line in listing.splitlines()[:3]]
    assert [(words[0], words[-1]) for words in first] == [
        ("drwx------", "./"),
        ("drwx------", "pg_tblspc/"),
        ("drwx------", "pg_wal/"),
    ]


def test_what_is_not_part_of_the_cluster_is_not_in_the_backup(
    cluster: Cluster, runner: BackupRunner
) -> None:
    cluster.execute("select pg_create_physical_replication_slot('held', true)")
    cluster.execute("create unlogged table u as select 1 n")
    (unlogged,) = cluster.sql("select pg_relation_filepath('u')")[0]
    made = cluster.data_directory
    for name in ("base/pgsql_tmp/pgsql_tmp1.0", "pg_wal/cloudhoard/memory"):
        cluster.run(["mkdir", "-p", str((made / name).parent)])
        cluster.run(["touch", str(made / name)])

    paths = runner.take().manifest_paths

    assert unlogged not in paths
    assert f"{unlogged}_init" in paths
    for start in ("pg_replslot/", "pg_wal/", "base/pgsql_tmp", "postmaster.pid"):
        assert not [path for path in paths if path.startswith(start)]


def test_temporary_relations_of_a_living_session_are_left_out(
    cluster: Cluster, runner: BackupRunner
) -> None:
    session = cluster.spawn(
        [cluster.programs.path("psql"), "-qAt"], stdin=-1, bufsize=1
    )
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write("create temp table t as select 1 n;\n")
    session.stdin.write("select pg_relation_filepath('t');\n")
    temporary = session.stdout.readline().strip()

    try:
        paths = runner.take().manifest_paths
    finally:
        session.communicate()

    assert (cluster.data_directory / "PG_VERSION").exists()
    assert temporary
    assert temporary not in paths


def test_linked_directories_and_files_are_stored_as_what_they_lead_to(
    cluster: Cluster,
    archive: Archive,
    runner: BackupRunner,
    work_directory: Path,
    adopt_cluster: Adopt,
) -> None:
    cluster.execute("create table kept as select 1 n")
    cluster.stop()
    real, data = work_directory / "real", cluster.data_directory
    cluster.run(["mv", str(data), str(real)], cwd=work_directory)
    cluster.run(["ln", "-s", str(real), str(data)], cwd=work_directory)
    for name in ("pg_wal", "pg_xact", "pg_hba.conf"):
        away = work_directory / f"away-{name}"
        cluster.run(["mv", str(real / name), str(away)])
        cluster.run(["ln", "-s", str(away), str(real / name)])
    cluster.start()

    backup = runner.take()

    target = work_directory / "restored"
    backup.unpack(cluster, target)
    for name in ("pg_wal", "pg_xact", "pg_hba.conf"):
        assert not (target / name).is_symlink()
    verify(cluster, target, "-n")
    put_wal(cluster, archive, target)
    cluster.stop()
    restored = adopt_cluster("restored", target)
    restored.start()
    assert restored.value("select n from kept") == "1"


def test_configuration_outside_the_data_directory_has_a_volume_of_its_own(
    cluster: Cluster, runner: BackupRunner, work_directory: Path
) -> None:
    cluster.stop()
    etc, data = work_directory / "etc", cluster.data_directory
    cluster.run(["mkdir", "-p", str(etc / "conf.d")])
    cluster.run(["mv", str(data / "pg_hba.conf"), str(etc)])
    cluster.run(["tee", str(etc / "conf.d/more.conf")], input="work_mem = '5MB'\n")
    cluster.configure(
        {"hba_file": str(etc / "pg_hba.conf"), "include_dir": str(etc / "conf.d")}
    )
    cluster.start()

    backup = runner.take()

    program("zstd")
    volume = str(backup.path / "config.tar.zst")
    listing = cluster.run(["tar", "--zstd", "-tf", volume]).stdout.splitlines()
    below_root = str(etc).removeprefix("/")
    assert sorted(listing) == [
        f"{below_root}/conf.d/more.conf",
        f"{below_root}/pg_hba.conf",
    ]
    assert backup.info["hba_file"] == str(etc / "pg_hba.conf")
    assert backup.info["included_files"] == repr([str(etc / "conf.d/more.conf")])
    assert "config.tar.zst" in [each["name"] for each in backup.volume_list["objects"]]


def test_backup_info_says_what_the_server_said(
    cluster: Cluster, runner: BackupRunner, work_directory: Path
) -> None:
    make_tablespace(cluster, work_directory / "fast", "fast")

    info = runner.take("--name", "first one").info

    assert info["status"] == "DONE"
    assert info["backup_name"] == "first one"
    assert info["systemid"] == cluster.value(
        "select system_identifier from pg_control_system()"
    )
    assert info["pgdata"] == str(cluster.data_directory)
    assert info["version"] == cluster.value("show server_version_num")
    oid = cluster.value("select oid from pg_tablespace where spcname = 'fast'")
    place = str(work_directory / "fast")
    assert info["tablespaces"] == repr([("fast", int(oid), place)])
    assert info["begin_wal"] <= info["end_wal"]


def test_needed_wal_is_in_the_archive_when_the_backup_ends(
    cluster: Cluster, archive: Archive, runner: BackupRunner
) -> None:
    # An idle server: nobody but the backup itself ends the segment.
    info = runner.take().info

    for name in (info["begin_wal"], info["end_wal"]):
        assert list(archive.path.glob(f"wals/*/{name}.zst"))
    cluster.stop()


def test_two_backups_at_once_do_not_harm_each_other(
    cluster: Cluster, archive: Archive, runner: BackupRunner, work_directory: Path
) -> None:
    running = [cluster.spawn(runner.argv()) for _ in range(3)]
    ends = [process.communicate() for process in running]

    assert [process.returncode for process in running] == [0, 0, 0], ends
    assert len(archive.backup_ids) == 3
    for backup_id in archive.backup_ids:
        target = work_directory / backup_id
        archive.backup(backup_id).unpack(cluster, target)
        verify(cluster, target, "-n")


def test_backup_of_a_promoted_cluster_supplies_its_history(
    cluster: Cluster,
    archive: Archive,
    runner: BackupRunner,
) -> None:
    # PostgreSQL hands a history over once, at the promotion: an archive that is set
    # up later never sees it.
    cluster.configure({"archive_command": "true"})
    cluster.stop()
    (cluster.data_directory / "standby.signal").touch()
    cluster.os_user.give(cluster.data_directory / "standby.signal")
    cluster.start()
    cluster.promote()
    cluster.switch_wal()
    cluster.wait_for(
        "select count(*) > 0 from pg_stat_archiver where last_archived_wal is not null",
        "t",
    )
    cluster.configure({"archive_command": archive.archive_command})

    info = runner.take().info

    assert info["timeline"] == "2"
    assert (archive.path / "wals/00000002.history.zst").exists()


def test_manifest_names_the_system_from_17_on(
    cluster: Cluster, runner: BackupRunner
) -> None:
    manifest = runner.take().manifest

    version = 2 if cluster.programs.major >= 17 else 1
    assert manifest["PostgreSQL-Backup-Manifest-Version"] == version
    assert ("System-Identifier" in manifest) is (version == 2)


def test_segments_of_another_size_are_waited_for_by_their_names(
    make_cluster: MakeCluster, work_directory: Path
) -> None:
    cluster = make_cluster(
        "small", settings={"archive_mode": "on"}, segment_size=1 << 20
    )
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])
    cluster.configure({"archive_command": archive.archive_command})
    cluster.start()
    cluster.execute(
        "create table filler as select repeat('x', 2000) from generate_series(1, 3000)"
    )

    backup = BackupRunner(cluster, archive).take()

    identity = json.loads((archive.path / "cloudhoard/archive.json").read_text())
    assert identity["segment_size"] == 1 << 20
    assert backup.info["xlog_segment_size"] == str(1 << 20)


def test_group_readable_cluster_is_backed_up_with_its_modes(
    cluster: Cluster, runner: BackupRunner, work_directory: Path
) -> None:
    cluster.stop()
    cluster.run(["chmod", "-R", "g+rX", str(cluster.data_directory)])
    cluster.start()

    target = work_directory / "restored"
    runner.take().unpack(cluster, target)

    assert (target / "PG_VERSION").stat().st_mode & 0o777 == 0o640
    assert target.stat().st_mode & 0o777 == 0o700
    assert os.listdir(target / "pg_wal") == []  # noqa: PTH208 - a plain list


def test_in_place_tablespace_is_part_of_the_data_directory(
    cluster: Cluster,
    archive: Archive,
    runner: BackupRunner,
    work_directory: Path,
    adopt_cluster: Adopt,
) -> None:
    if cluster.programs.major < 15:
        pytest.skip("in-place tablespaces came with PostgreSQL 15")
    cluster.configure({"allow_in_place_tablespaces": "on"})
    cluster.execute("create tablespace near location ''")
    cluster.execute("create table kept tablespace near as select 1 n")

    backup = runner.take()

    target = work_directory / "restored"
    backup.unpack(cluster, target)
    verify(cluster, target, "-n")
    put_wal(cluster, archive, target)
    cluster.stop()
    restored = adopt_cluster("restored", target)
    restored.start()
    assert restored.value("select n from kept") == "1"
    assert backup.tablespaces == []
