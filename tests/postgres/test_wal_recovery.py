"""Real recoveries from the archive: complete, or stopped, never short."""

from collections.abc import Callable

import pytest

from tests.conftest import MakeCluster
from tests.support.cluster import Cluster
from tests.support.processes import wait_until
from tests.support.wal_shipping import WalShipping, rows, write_row

pytestmark = pytest.mark.postgres


@pytest.fixture
def primary(make_cluster: MakeCluster, shipping: WalShipping) -> Cluster:
    return shipping.primary(make_cluster, archive_mode="on")


@pytest.fixture
def copy(primary: Cluster, shipping: WalShipping) -> Cluster:
    return shipping.copy_of(primary, "copy", "recovery.signal")


def assert_stopped_and_not_promoted(cluster: Cluster) -> None:
    assert cluster.wait_until_ended() != 0
    assert (cluster.data_directory / "recovery.signal").exists()
    assert not list((cluster.data_directory / "pg_wal").glob("*.history"))


def assert_recovers(cluster: Cluster, expected: list[int]) -> None:
    cluster.start()
    cluster.wait_for("select pg_is_in_recovery()", "f")
    assert rows(cluster) == expected


def test_lost_cluster_is_recovered_to_its_last_archived_row(
    primary: Cluster, copy: Cluster
) -> None:
    for number in range(5):
        write_row(primary, number)
    primary.kill()

    assert_recovers(copy, [0, 1, 2, 3, 4])

    left = [path.name for path in (copy.data_directory / "pg_wal").glob("*cloudhoard*")]
    assert left == []


def test_archive_unmounted_half_way_stops_the_server(
    primary: Cluster, copy: Cluster, shipping: WalShipping
) -> None:
    _, second, _ = (write_row(primary, number) for number in range(3))
    primary.kill()
    away = f"mv {shipping.root} {shipping.root.with_name('unmounted')}"
    command = shipping.interrupted_at(second, away)
    copy.configure({"restore_command": command})

    copy.start(wait=False)

    assert_stopped_and_not_promoted(copy)
    assert "cloudhoard-wal-restore: hint: is it mounted?" in copy.server_log()
    shipping.mount()
    copy.configure({"restore_command": shipping.restore_command})
    assert_recovers(copy, [0, 1, 2])


def test_segment_missing_in_the_middle_stops_the_server(
    primary: Cluster, copy: Cluster, shipping: WalShipping
) -> None:
    _, second, third = (write_row(primary, number) for number in range(3))
    primary.kill()
    (stored,) = shipping.stored(second)
    stored.rename(shipping.directory / "lost")

    copy.start(wait=False)

    assert_stopped_and_not_promoted(copy)
    log = copy.server_log()
    assert f"{second} is not in the archive, and {third} is" in log
    (shipping.directory / "lost").rename(stored)
    assert_recovers(copy, [0, 1, 2])


def test_missing_segment_can_be_given_up(
    primary: Cluster, copy: Cluster, shipping: WalShipping
) -> None:
    _, second, _ = (write_row(primary, number) for number in range(3))
    primary.kill()
    shipping.stored(second)[0].unlink()
    command = shipping.restore_command.replace(" file://", " --accept-gap file://", 1)
    copy.configure({"restore_command": command})

    assert_recovers(copy, [0])


@pytest.mark.parametrize("position", [0, 10, 100, -1])
def test_damaged_segment_stops_the_server(
    position: int, primary: Cluster, copy: Cluster, shipping: WalShipping
) -> None:
    _, second, _ = (write_row(primary, number) for number in range(3))
    primary.kill()
    (stored,) = shipping.stored(second)
    content = stored.read_bytes()
    flipped = bytearray(content)
    flipped[position] ^= 1
    stored.write_bytes(flipped)

    copy.start(wait=False)

    assert_stopped_and_not_promoted(copy)
    stored.write_bytes(content)
    assert_recovers(copy, [0, 1, 2])


@pytest.mark.parametrize(
    "change",
    [
        lambda command: command.replace(" main ", " mian "),
        lambda command: command.replace(" file://", " --no-such-option file://"),
        lambda command: command.replace(" %p", ""),
        lambda command: command.replace("file://", "flie://"),
    ],
    ids=["server name", "option", "destination", "scheme"],
)
def test_misspelt_restore_command_stops_the_server(
    change: Callable[[str], str], primary: Cluster, copy: Cluster, shipping: WalShipping
) -> None:
    # All WAL up to a consistent state is there, so nothing else would stop it.
    for number in range(3):
        write_row(primary, number)
    for path in (primary.data_directory / "pg_wal").glob("0*"):
        copy.run(["cp", str(path), str(copy.data_directory / "pg_wal")])
    primary.kill()
    copy.configure({"restore_command": change(shipping.restore_command)})

    copy.start(wait=False)

    assert_stopped_and_not_promoted(copy)


def test_shutdown_during_a_request_is_no_end_of_recovery(
    primary: Cluster, copy: Cluster, shipping: WalShipping
) -> None:
    _, second, _ = (write_row(primary, number) for number in range(3))
    primary.kill()
    command = shipping.interrupted_at(second, "sleep 1; kill -TERM $$")
    copy.configure({"restore_command": command})

    copy.start(wait=False)

    assert_stopped_and_not_promoted(copy)
    copy.configure({"restore_command": shipping.restore_command})
    assert_recovers(copy, [0, 1, 2])


def test_standby_goes_on_when_the_archive_is_gone(
    primary: Cluster, shipping: WalShipping
) -> None:
    standby = shipping.copy_of(primary, "standby", "standby.signal")
    write_row(primary, 0)
    standby.start()
    standby.wait_for("select count(*) from rows", "1")

    shipping.unmount()
    seen = len(standby.server_log())
    wait_until(
        lambda: "is it mounted?" in standby.server_log()[seen:], "the archive is missed"
    )
    assert standby.is_running
    shipping.mount()
    write_row(primary, 1)

    standby.wait_for("select count(*) from rows", "2")
    assert standby.value("select pg_is_in_recovery()") == "t"
