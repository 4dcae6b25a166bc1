"""Promotions: no archiver is ever stuck, and nothing wrong is ever served."""

import pytest

from tests.conftest import MakeCluster
from tests.support.cluster import Cluster
from tests.support.processes import wait_until
from tests.support.wal_shipping import (
    WalShipping,
    rows,
    waiting_for_archiver,
    write_row,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
def primary(make_cluster: MakeCluster, shipping: WalShipping) -> Cluster:
    return shipping.primary(make_cluster, archive_mode="always")


def standby_of(
    primary: Cluster, shipping: WalShipping, name: str, archive_mode: str = "always"
) -> Cluster:
    """A standby that streams, that archives too, and has caught up."""
    settings = {
        "archive_mode": archive_mode,
        "archive_command": shipping.archive_command,
        "primary_conninfo": primary.conninfo,
        "wal_retrieve_retry_interval": "200ms",
        "wal_receiver_status_interval": "1",
    }
    standby = shipping.copy_of(primary, name, "standby.signal", settings)
    standby.start()
    wait_until(lambda: is_streaming_to(primary) > 0, f"{name} streams")
    return standby


def is_streaming_to(primary: Cluster) -> int:
    return int(primary.value("select count(*) from pg_stat_replication"))


def current_segment(cluster: Cluster) -> str:
    return cluster.value("select pg_walfile_name(pg_current_wal_lsn())")


def follow(standby: Cluster, primary: Cluster) -> None:
    standby.configure({"primary_conninfo": primary.conninfo})
    wait_until(lambda: is_streaming_to(primary) > 0, "the standby follows")


def assert_nothing_waits(cluster: Cluster) -> None:
    """All that was handed over is archived, at the first attempt."""
    wait_until(lambda: not waiting_for_archiver(cluster), "the archiver is done")
    failed = "select failed_count || ' ' || coalesce(last_failed_wal, '') from"
    assert cluster.value(f"{failed} pg_stat_archiver") == "0 "


def test_two_promotions_with_two_standbys_that_archive_too(
    primary: Cluster, shipping: WalShipping
) -> None:
    # Without a restore_command a standby streams the old timeline to its end, and then
    # hands over the segment of the fork under its full name.
    first = standby_of(primary, shipping, "first")
    second = standby_of(primary, shipping, "second")
    for standby in (first, second):
        standby.configure({"restore_command": ""})
    spare = shipping.copy_of(primary, "spare", "recovery.signal")
    write_row(primary, 0)

    # Each promotion cuts a segment in two: some of it is written, none archived.
    primary.execute("insert into rows values (1)")
    for standby in (first, second):
        standby.wait_for("select count(*) from rows", "2")
    assert_nothing_waits(primary)
    forks = [current_segment(primary)]
    primary.kill()
    first.promote()
    follow(second, first)
    write_row(first, 2)
    first.execute("insert into rows values (3)")
    second.wait_for("select count(*) from rows", "4")
    assert_nothing_waits(first)
    assert_nothing_waits(second)
    forks.append(current_segment(first))
    first.kill()
    second.promote()
    write_row(second, 4)
    assert_nothing_waits(second)

    assert shipping.stored("00000002.history")
    assert shipping.stored("00000003.history")
    for fork in forks:
        assert {path.name.partition(".")[2][:7] for path in shipping.stored(fork)} == {
            "partial"
        }
    spare.start()
    spare.wait_for("select pg_is_in_recovery()", "f")
    assert rows(spare) == [0, 1, 2, 3, 4]


def test_first_segment_after_a_promotion_and_the_partial_one_before(
    primary: Cluster, shipping: WalShipping
) -> None:
    standby = standby_of(primary, shipping, "standby", archive_mode="on")
    spare = shipping.copy_of(primary, "spare", "recovery.signal")
    write_row(primary, 0)
    primary.execute("insert into rows values (1)")
    standby.wait_for("select count(*) from rows", "2")
    fork = current_segment(primary)
    primary.kill()

    standby.promote()
    write_row(standby, 2)

    assert_nothing_waits(standby)
    assert [p.name for p in shipping.stored(fork)] == [f"{fork}.partial.zst"]
    assert shipping.stored("00000002" + fork[8:])
    spare.start()
    spare.wait_for("select pg_is_in_recovery()", "f")
    assert rows(spare) == [0, 1, 2]


def test_old_timeline_can_be_recovered_from_its_partial_segment(
    primary: Cluster, shipping: WalShipping
) -> None:
    standby = standby_of(primary, shipping, "standby", archive_mode="on")
    settings = {"recovery_target_timeline": "1"}
    spare = shipping.copy_of(primary, "spare", "recovery.signal", settings)
    write_row(primary, 0)
    primary.execute("insert into rows values (1)")
    standby.wait_for("select count(*) from rows", "2")
    primary.kill()
    standby.promote()
    write_row(standby, 2)
    assert_nothing_waits(standby)

    spare.start()
    spare.wait_for("select pg_is_in_recovery()", "f")

    assert rows(spare) == [0, 1]


def test_last_segments_that_the_lost_server_never_archived_stop_recovery(
    primary: Cluster, shipping: WalShipping
) -> None:
    standby = standby_of(primary, shipping, "standby", archive_mode="on")
    spare = shipping.copy_of(primary, "spare", "recovery.signal")
    write_row(primary, 0)
    last = write_row(primary, 1)
    primary.execute("insert into rows values (2)")
    standby.wait_for("select count(*) from rows", "3")
    primary.kill()
    standby.promote()
    write_row(standby, 3)
    # With the partial segment that one would be known to be followed.
    for path in [*shipping.stored(last), *shipping.root.rglob("*.partial*")]:
        path.unlink()

    spare.start(wait=False)

    assert spare.wait_until_ended() != 0
    expected = f"{last} is not in the archive, and timeline 2, whose history is there"
    assert expected in spare.server_log()
    assert (spare.data_directory / "recovery.signal").exists()


def test_promoted_server_lost_before_its_first_segment_stops_recovery(
    primary: Cluster, shipping: WalShipping
) -> None:
    standby = standby_of(primary, shipping, "standby", archive_mode="on")
    spare = shipping.copy_of(primary, "spare", "recovery.signal")
    write_row(primary, 0)
    primary.kill()
    standby.promote()
    wait_until(lambda: bool(shipping.stored("00000002.history")), "it is archived")
    standby.kill()

    spare.start(wait=False)

    assert spare.wait_until_ended() != 0
    assert "and timeline 2, whose history is there, begins in it" in spare.server_log()
    assert (spare.data_directory / "recovery.signal").exists()


def test_second_promotion_to_the_same_timeline_is_told_apart(
    primary: Cluster, shipping: WalShipping
) -> None:
    # Two standbys that do not look into the archive take the same number. At the
    # same position they even write the same history.
    names = ("one", "two")
    first, second = (standby_of(primary, shipping, n, archive_mode="on") for n in names)
    write_row(primary, 0)
    for standby in (first, second):
        standby.wait_for("select count(*) from rows", "1")
        standby.configure({"restore_command": "false"})
        if standby.programs.major < 14:  # a reload does not do
            standby.stop()
            standby.start()
    primary.kill()
    first.promote()
    segment = write_row(first, 1)
    before = shipping.stored(segment)[0].read_bytes()

    second.promote()
    second.execute("insert into rows values (2)")
    second.switch_wal()

    wait_until(
        lambda: "give this one a new SERVER_NAME" in second.server_log(),
        "the second one is refused",
    )
    assert segment in waiting_for_archiver(second)
    assert [path.read_bytes() for path in shipping.stored(segment)] == [before]


def test_promotion_waits_for_an_archive_that_comes_back(
    primary: Cluster, shipping: WalShipping
) -> None:
    # The history of timeline 2 is in the archive only; the archive is away while the
    # standby looks which number is free.
    late = standby_of(primary, shipping, "late", archive_mode="on")
    other = standby_of(primary, shipping, "other", archive_mode="on")
    write_row(primary, 0)
    late.wait_for("select count(*) from rows", "1")
    other.wait_for("select count(*) from rows", "1")
    primary.kill()
    late.configure({"recovery_target_timeline": "current"})
    late.stop()
    late.start()
    other.promote()
    wait_until(lambda: bool(shipping.stored("00000002.history")), "it is archived")
    other.kill()

    shipping.unmount()
    late.execute("select pg_promote(false)")
    wait_until(lambda: "asking again" in late.server_log(), "the archive is missed")
    shipping.mount()
    late.wait_for("select pg_is_in_recovery()", "f")

    assert current_segment(late)[:8] == "00000003"
