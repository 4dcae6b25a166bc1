"""What the domain believes about WAL, asked of a running server."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.wal import MIB, WalSegment
from cloudhoard.domain.wal_file import WalFile
from cloudhoard.domain.wal_header import (
    LONG_HEADER_SIZE,
    WalHeader,
    check_segment_header,
)
from cloudhoard.postgres.control_file import read_control_bytes, read_control_data
from tests.conftest import MakeCluster
from tests.support.cluster import Cluster

pytestmark = pytest.mark.postgres

NAMES_WERE_OF_THE_BYTE_BEFORE = 170_000
"""Up to this version pg_walfile_name gave at a boundary the segment that ends there."""


def lsns_around_boundaries(segment_size: int) -> list[Lsn]:
    boundaries = [segment_size, 3 * segment_size, 1 << 32, 0xAB << 32, 0xFFFFFFF << 34]
    return [Lsn(at + by) for at in boundaries for by in (-1, 0, 1, 8192)]


@pytest.mark.parametrize("segment_size", [MIB, 16 * MIB, 64 * MIB])
def test_segments_have_the_names_that_the_server_gives_them(
    make_cluster: MakeCluster, segment_size: int
) -> None:
    cluster = make_cluster(segment_size=segment_size)
    cluster.start()
    lsns = lsns_around_boundaries(segment_size)
    version = int(cluster.value("show server_version_num"))
    is_of_byte_before = version < NAMES_WERE_OF_THE_BYTE_BEFORE
    segment_of = WalSegment.ending_at if is_of_byte_before else WalSegment.containing

    listed = ", ".join(f"('{lsn}'::pg_lsn)" for lsn in lsns)
    answer = cluster.sql(f"select pg_walfile_name(l) from (values {listed}) as v (l)")

    assert [name for (name,) in answer] == [
        segment_of(lsn, timeline=1, segment_size=segment_size).name for lsn in lsns
    ]


@pytest.mark.parametrize("segment_size", [MIB, 16 * MIB, 64 * MIB])
def test_the_first_page_of_the_current_segment_passes(
    make_cluster: MakeCluster, segment_size: int
) -> None:
    cluster = make_cluster(segment_size=segment_size)
    cluster.start()
    control = read_control_data(cluster.data_directory)
    lsn = Lsn.parse(cluster.value("select pg_current_wal_insert_lsn()"))
    name = WalSegment.containing(lsn, timeline=1, segment_size=segment_size).name
    path = cluster.data_directory / "pg_wal" / name

    with path.open("rb") as file:
        header = WalHeader.parse(file.read(LONG_HEADER_SIZE))
    warnings = check_segment_header(
        header,
        WalFile.parse(name),
        file_size=path.stat().st_size,
        system_identifier=control.system_identifier,
        history=None,
    )

    assert warnings == ()
    assert header.major == control.major
    assert header.segment_size == control.segment_size == segment_size


def test_the_control_file_says_what_the_server_says(cluster: Cluster) -> None:
    cluster.execute("checkpoint")

    control = read_control_data(cluster.data_directory)

    assert cluster.sql(
        "select system_identifier::text, pg_control_version, catalog_version_no,"
        " checkpoint_lsn, redo_lsn, timeline_id, min_recovery_end_lsn,"
        " min_recovery_end_timeline, bytes_per_wal_segment, database_block_size,"
        " data_page_checksum_version"
        " from pg_control_system(), pg_control_checkpoint(), pg_control_recovery(),"
        " pg_control_init()"
    ) == [
        (
            str(control.system_identifier),
            str(control.control_version),
            str(control.catalog_version),
            str(control.checkpoint_lsn),
            str(control.redo_lsn),
            str(control.timeline),
            str(control.min_recovery_lsn),
            str(control.min_recovery_timeline),
            str(control.segment_size),
            str(control.block_size),
            str(control.data_checksums),
        )
    ]
    version = int(cluster.value("show server_version_num"))
    assert control.major == version // 10_000


def test_a_control_file_read_under_way_is_always_whole(cluster: Cluster) -> None:
    def checkpoints() -> None:
        for _ in range(30):
            cluster.execute("checkpoint")

    redo_lsns = set()
    with ThreadPoolExecutor(1) as server:
        busy = server.submit(checkpoints)
        while not busy.done():
            read_control_bytes(cluster.data_directory)
            redo_lsns.add(read_control_data(cluster.data_directory).redo_lsn)
        busy.result()

    assert len(redo_lsns) > 1
