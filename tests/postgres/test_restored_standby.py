"""A standby out of the archive: archive and primary stand in for each other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeCluster
from tests.support.archived_site import SERVER, Site
from tests.support.cluster import Cluster
from tests.support.wal_shipping import MIB, rows

pytestmark = pytest.mark.postgres

SLOT = "copy"


@pytest.fixture
def site(
    make_cluster: MakeCluster,
    work_directory: Path,
    adopt_cluster: Callable[[str, Path], Cluster],
) -> Site:
    settings = {"archive_mode": "on", "archive_command": "", "autovacuum": "off"}
    cluster = make_cluster(settings=settings, segment_size=MIB)
    cluster.start()
    made = Site(cluster, work_directory, adopt_cluster)
    made.archive_here()
    cluster.execute("CREATE TABLE rows (n int)")
    made.back_up()
    return made


def restored_standby(site: Site, *options: str) -> Cluster:
    """Restore a standby and start it; it is often told to ask again."""
    target = site.directory / "standby-data"
    site.restore(target, "--standby", *options)
    standby = site.adopt("standby", target)
    standby.configure({"wal_retrieve_retry_interval": "200ms"})
    standby.start()
    return standby


def write(cluster: Cluster, row: int) -> None:
    cluster.execute(f"INSERT INTO rows VALUES ({row})")


def wait_for_rows(standby: Cluster, count: int) -> None:
    standby.wait_for("SELECT count(*) FROM rows", str(count), 60)


def let_stream(site: Site, *, allowed: bool) -> None:
    """Let standbys connect, or throw them out."""
    primary = site.cluster
    hba = primary.data_directory / "pg_hba.conf"
    rule = "local replication all reject\n"
    text = hba.read_text().replace(rule, "")
    hba.write_text(text if allowed else rule + text)
    primary.configure({})  # it is read again when this returns
    if not allowed:
        primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        primary.wait_for("SELECT count(*) FROM pg_stat_replication", "0")


def assert_taken_from_the_archive(standby: Cluster, segment: str) -> None:
    log = standby.server_log()
    assert f'restored log file "{segment}" from archive' in log


def wait_until_it_streams(site: Site) -> None:
    site.cluster.wait_for(
        "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", "1", 60
    )


def test_standby_streams_by_its_slot_and_falls_back_on_the_archive(
    site: Site,
) -> None:
    primary = site.cluster
    primary.value(f"SELECT pg_create_physical_replication_slot('{SLOT}')")
    write(primary, 0)
    site.archived()

    standby = restored_standby(
        site, "--primary-conninfo", primary.conninfo, "--primary-slot-name", SLOT
    )

    wait_until_it_streams(site)
    slot = f"SELECT active FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
    assert primary.value(slot) == "t"
    # Not archived yet: its segment goes on.
    write(primary, 1)
    wait_for_rows(standby, 2)

    let_stream(site, allowed=False)
    write(primary, 2)
    segment = site.archived()
    wait_for_rows(standby, 3)
    assert_taken_from_the_archive(standby, segment)
    let_stream(site, allowed=True)
    wait_until_it_streams(site)
    write(primary, 3)
    wait_for_rows(standby, 4)

    # It is no copy: promoted, it archives in the primary's place.
    primary.kill()
    standby.promote()
    write(standby, 4)
    site.archived(standby)
    assert list((site.root / SERVER / "wals").glob("00000002.history*"))
    assert rows(standby) == [0, 1, 2, 3, 4]


def test_standby_that_streams_does_without_the_archive(site: Site) -> None:
    primary = site.cluster
    write(primary, 0)
    standby = restored_standby(site, "--primary-conninfo", primary.conninfo)
    wait_until_it_streams(site)
    # A restart asks for a later timeline's history first, and insists for a minute.
    command = standby.value("SHOW restore_command")
    impatient = command.replace(" file://", " --history-timeout 0 file://", 1)
    assert impatient != command
    quoted = impatient.replace("'", "''")
    standby.execute(f"ALTER SYSTEM SET restore_command = '{quoted}'")

    away = site.root.rename(site.root.with_name("unmounted"))
    write(primary, 1)
    wait_for_rows(standby, 2)
    standby.stop()
    write(primary, 2)
    standby.start()
    wait_until_it_streams(site)
    write(primary, 3)
    wait_for_rows(standby, 4)
    assert f"there is no directory {site.root}" in standby.server_log()

    away.rename(site.root)
    let_stream(site, allowed=False)
    write(primary, 4)
    segment = site.archived()
    wait_for_rows(standby, 5)
    assert_taken_from_the_archive(standby, segment)
    assert standby.value("SELECT pg_is_in_recovery()") == "t"


def test_standby_follows_the_archive_alone(site: Site) -> None:
    primary = site.cluster
    write(primary, 0)
    site.archived()

    standby = restored_standby(site)

    wait_for_rows(standby, 1)
    write(primary, 1)
    site.archived()
    wait_for_rows(standby, 2)
    assert standby.value("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
    assert rows(standby) == [0, 1]
