"""Restored clusters on a real server: settings, targets, timelines, places, owners."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.archived_site import SERVER, Site
from tests.support.cluster import Cluster
from tests.support.programs import command_path

pytestmark = pytest.mark.postgres


@pytest.fixture
def site(
    cluster: Cluster,
    work_directory: Path,
    adopt_cluster: Callable[[str, Path], Cluster],
) -> Site:
    made = Site(cluster, work_directory, adopt_cluster)
    made.archive_here()
    cluster.execute("CREATE TABLE moments (n int, at timestamptz DEFAULT now())")
    return made


def add_moment(cluster: Cluster, number: int) -> str:
    """Commit a row; return a moment between it and the next one."""
    cluster.execute(f"INSERT INTO moments VALUES ({number})")
    time.sleep(0.02)
    moment = cluster.value("SELECT clock_timestamp()")
    time.sleep(0.02)
    return moment


def moments(cluster: Cluster) -> list[str]:
    return [n for (n,) in cluster.sql("SELECT n FROM moments ORDER BY n")]


def test_to_the_end_although_old_settings_say_otherwise(site: Site) -> None:
    # All of these would stop or divert the recovery; two targets even the start.
    site.cluster.execute("ALTER SYSTEM SET recovery_target_time = '2001-01-01 00:00Z'")
    site.cluster.execute("ALTER SYSTEM SET restore_command = 'false'")
    site.cluster.configure(
        {
            "recovery_target_action": "shutdown",
            "recovery_target_timeline": "99",
            "primary_conninfo": "host=192.0.2.1",
            "recovery_end_command": "touch ended",
            "archive_cleanup_command": "rm -rf pg_wal",
        }
    )
    site.back_up()
    add_moment(site.cluster, 1)
    add_moment(site.cluster, 2)
    site.archived()
    with (site.cluster.data_directory / "postgresql.conf").open("a") as file:
        file.write("recovery_target_xid = '3'\n")
    site.back_up()

    target = site.directory / "restored"
    site.restore(target)

    restored = site.started(target)
    assert moments(restored) == ["1", "2"]
    assert not (target / "ended").exists()
    assert not (target / "recovery.signal").exists()


def test_each_moment_is_hit_exactly(site: Site) -> None:
    site.back_up()
    times = [add_moment(site.cluster, number) for number in range(1, 5)]
    site.archived()

    for number in (1, 3):
        target = site.directory / f"restored{number}"
        options = ("--target-time", times[number - 1], "--target-action", "promote")
        site.restore(target, *options, "--archive-mode", "off")

        restored = site.started(target, f"r{number}")
        assert moments(restored) == [str(n) for n in range(1, number + 1)]
        assert restored.value("SHOW archive_mode") == "off"
        restored.stop()


def test_server_pauses_at_the_target_unless_told_otherwise(site: Site) -> None:
    site.back_up()
    moment = add_moment(site.cluster, 1)
    add_moment(site.cluster, 2)
    site.archived()
    target = site.directory / "restored"

    site.restore(target, "--target-time", moment)

    restored = site.adopt("restored", target)
    restored.start()
    restored.wait_for("SELECT pg_is_wal_replay_paused()", "t", 60)
    assert moments(restored) == ["1"]
    restored.execute("SELECT pg_wal_replay_resume()")
    restored.wait_for("SELECT pg_is_in_recovery()", "f", 60)


def test_archive_whose_name_is_full_of_quotes(
    cluster: Cluster,
    work_directory: Path,
    adopt_cluster: Callable[[str, Path], Cluster],
) -> None:
    name = "it's a $HOME \\ 100%f `x` ü"
    site = Site(cluster, work_directory, adopt_cluster, name)
    words = [command_path("wal-archive"), site.url, SERVER]
    (work_directory / "archive.sh").write_text(f'exec {shlex.join(words)} "$1"\n')
    cluster.configure({"archive_command": f"sh {work_directory}/archive.sh %p"})
    cluster.execute("CREATE TABLE moments (n int)")
    site.back_up()
    add_moment(cluster, 1)
    site.archived()
    target = work_directory / "restored"

    site.restore(target)

    command = site.setting(target, "restore_command")
    assert command.endswith(" main %f %p")
    assert "100%%f" in command
    assert moments(site.started(target)) == ["1"]


def test_restored_copy_does_not_write_to_the_archive_until_it_takes_over(
    site: Site,
) -> None:
    site.back_up()
    add_moment(site.cluster, 1)
    site.archived()
    site.cluster.kill()
    target = site.directory / "restored"
    site.restore(target)
    restored = site.started(target)

    restored.switch_wal()
    restored.wait_for("SELECT failed_count > 0 FROM pg_stat_archiver", "t", timeout=60)
    assert "this cluster was restored from" in restored.server_log()
    assert not (site.root / SERVER / "wals/00000002.history.zst").exists()

    (target / "cloudhoard.restored").unlink()
    site.archived(restored)
    assert (site.root / SERVER / "wals/00000002.history.zst").exists()


def test_copy_that_takes_over_and_the_branches_of_its_archive(site: Site) -> None:
    first = site.back_up()
    add_moment(site.cluster, 1)
    site.archived()
    on_old_branch = site.back_up()
    add_moment(site.cluster, 2)
    site.archived()
    site.cluster.kill()

    # Recovered to the end of timeline 1, on which all backups lie.
    target = site.directory / "restored"
    site.restore(target, "--archive-mode", "take-over", backup=first)
    restored = site.started(target)
    add_moment(restored, 3)
    site.archived(restored)

    again = site.directory / "again"
    site.restore(again, "--archive-mode", "off")
    assert moments(site.started(again, "again")) == ["1", "2", "3"]
    old = site.directory / "old"
    site.restore(old, "--target-tli", "1", "--archive-mode", "off")
    assert moments(site.started(old, "old")) == ["1", "2"]
    assert on_old_branch != first


def test_backup_of_an_abandoned_branch_is_refused_with_a_way_out(site: Site) -> None:
    first = site.back_up()
    moment = add_moment(site.cluster, 1)
    add_moment(site.cluster, 2)
    site.archived()
    abandoned = site.back_up()
    site.cluster.kill()
    target = site.directory / "restored"
    options = ("--target-time", moment, "--target-action", "promote")
    site.restore(target, *options, "--archive-mode", "take-over", backup=first)
    restored = site.started(target)
    add_moment(restored, 3)
    site.archived(restored)

    refused = site.restore(site.directory / "x", backup=abandoned, check=False)
    assert refused.returncode == 1
    assert "is not in the history of timeline 2" in refused.stderr
    assert "--target-tli 1" in refused.stderr
    assert not (site.directory / "x").exists()

    site.restore(site.directory / "new", "--archive-mode", "off")
    assert moments(site.started(site.directory / "new", "new")) == ["1", "3"]
    options = ("--target-tli", "1", "--archive-mode", "off")
    site.restore(site.directory / "old", *options, backup=abandoned)
    assert moments(site.started(site.directory / "old", "old")) == ["1", "2"]


def test_overwrite_needs_the_server_down_and_then_replaces_it(site: Site) -> None:
    site.back_up()
    add_moment(site.cluster, 1)
    site.archived()
    data = site.cluster.data_directory
    (data / "base/junk").write_text("not in the backup")

    refused = site.restore(data, "--overwrite", check=False)
    assert refused.returncode == 1
    assert "a server runs on" in refused.stderr
    assert moments(site.cluster) == ["1"]

    site.cluster.stop()
    site.restore(data, "--overwrite", "--archive-mode", "take-over")
    assert not (data / "base/junk").exists()
    site.cluster.start()
    site.cluster.wait_for("SELECT pg_is_in_recovery()", "f", 60)
    assert moments(site.cluster) == ["1"]


def test_wal_directory_of_its_own(site: Site) -> None:
    site.back_up()
    add_moment(site.cluster, 1)
    site.archived()
    target, wal = site.directory / "restored", site.directory / "wal"

    site.restore(target, "--waldir", str(wal))

    assert (target / "pg_wal").readlink() == wal
    restored = site.started(target)
    assert moments(restored) == ["1"]
    assert list(wal.glob("0000000200*"))


def test_tablespaces_at_their_old_place_after_a_loss(
    site: Site, work_directory: Path
) -> None:
    place = work_directory / "fast"
    site.cluster.run(["mkdir", str(place)])
    site.cluster.execute(f"CREATE TABLESPACE fast LOCATION '{place}'")
    site.cluster.execute("CREATE TABLE in_fast TABLESPACE fast AS SELECT 7 AS n")
    site.back_up()
    site.archived()
    target = site.directory / "restored"
    refused = site.restore(target, check=False)
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr

    site.cluster.kill()
    for path in place.iterdir():
        shutil.rmtree(path)
    site.restore(target)

    assert site.started(target).value("SELECT n FROM in_fast") == "7"


def test_tablespaces_below_one_directory_beside_the_original(
    site: Site, work_directory: Path
) -> None:
    for name in ("fast", "slow"):
        place = work_directory / name
        site.cluster.run(["mkdir", str(place)])
        site.cluster.execute(f"CREATE TABLESPACE {name} LOCATION '{place}'")
        site.cluster.execute(f"CREATE TABLE in_{name} (n int) TABLESPACE {name}")
        site.cluster.execute(f"INSERT INTO in_{name} VALUES (7)")
    site.back_up()
    site.archived()
    base, target = work_directory / "below", work_directory / "restored"

    site.restore(target, "--tablespace-base-dir", str(base), "--archive-mode", "off")
    restored = site.started(target)
    for name in ("fast", "slow"):
        restored.execute(f"UPDATE in_{name} SET n = 8")

    for name in ("fast", "slow"):
        columns = "pg_tablespace_location(oid), oid"
        which = f"FROM pg_tablespace WHERE spcname = '{name}'"
        ((location, oid),) = restored.sql(f"SELECT {columns} {which}")
        assert location == str(base / oid)
        assert site.cluster.value(f"SELECT n FROM in_{name}") == "7"


def test_in_place_tablespace(site: Site) -> None:
    site.cluster.configure({"allow_in_place_tablespaces": "on"})
    site.cluster.execute("CREATE TABLESPACE inside LOCATION ''")
    site.cluster.execute("CREATE TABLE in_it TABLESPACE inside AS SELECT 7 AS n")
    site.back_up()
    site.archived()
    target = site.directory / "restored"

    site.restore(target)

    assert site.started(target).value("SELECT n FROM in_it") == "7"


def test_manifest_with_the_guard_satisfies_pg_verifybackup(site: Site) -> None:
    site.back_up()
    target = site.directory / "restored"

    for mode in ("guard", "take-over", "off"):
        site.restore(target, "--overwrite", "--archive-mode", mode)
        verify = site.cluster.programs.path("pg_verifybackup")
        site.cluster.run([verify, "-n", "--exit-on-error", str(target)])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("chosen", ["--owner", "parent", "target"])
def test_root_gives_everything_to_the_owner(
    site: Site, chosen: str, work_directory: Path, tmp_path: Path
) -> None:
    site.back_up()
    user = site.cluster.os_user
    options: list[str] = []
    target = work_directory / "restored"
    if chosen == "--owner":
        tmp_path.chmod(0o755)
        target = tmp_path / "deep/restored"
        options = ["--owner", user.name]
    if chosen == "target":
        target = tmp_path / "restored"
        target.mkdir()
        user.give(target)
    wal = target.with_name("wal")
    program = command_path("restore")
    argv = [program, *options, "--waldir", str(wal), site.url, SERVER, "auto"]

    done = subprocess.run(
        [*argv, str(target)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    for path in (target, wal, *target.rglob("*")):
        status = path.lstat()
        assert (status.st_uid, status.st_gid) == (user.uid, user.gid), path


def test_other_segment_sizes(
    make_cluster: MakeCluster,
    work_directory: Path,
    adopt_cluster: Callable[[str, Path], Cluster],
) -> None:
    settings = {"archive_mode": "on", "archive_command": ""}
    cluster = make_cluster("small", settings=settings, segment_size=1 << 20)
    cluster.start()
    site = Site(cluster, work_directory, adopt_cluster)
    site.archive_here()
    cluster.execute("CREATE TABLE moments (n int, at timestamptz DEFAULT now())")
    site.back_up()
    cluster.execute("INSERT INTO moments SELECT generate_series(1, 50000)")
    moment = add_moment(cluster, 50001)
    cluster.execute("DELETE FROM moments")
    site.archived()
    target = work_directory / "restored"

    site.restore(target, "--target-time", moment, "--target-action", "promote")

    restored = site.started(target)
    assert restored.value("SELECT count(*) FROM moments") == "50001"
