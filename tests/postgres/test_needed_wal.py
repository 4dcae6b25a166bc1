"""A real recovery over two promotions from the files that a backup is said to need."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.timeline import TimelineHistory, history_file_name, needed_wal
from cloudhoard.domain.wal import MIB
from cloudhoard.domain.wal_file import WalFile, WalFileKind
from cloudhoard.domain.wal_header import WalHeader, check_segment_header
from cloudhoard.postgres.control_file import read_control_data
from tests.conftest import MakeCluster
from tests.support.cluster import Cluster, ServerEnded

pytestmark = pytest.mark.postgres

SEGMENT_SIZE = MIB


@dataclass(frozen=True, slots=True)
class Past:
    """A cluster that was promoted twice, its archive and a backup from the start."""

    cluster: Cluster
    archive: Path
    backup: Path
    start_lsn: Lsn
    stop_lsn: Lsn

    @property
    def history(self) -> TimelineHistory:
        text = (self.archive / history_file_name(3)).read_text()
        return TimelineHistory.parse(3, text)

    @property
    def needed(self) -> list[str]:
        names = needed_wal(self.start_lsn, self.stop_lsn, self.history, SEGMENT_SIZE)
        return list(names)


@pytest.fixture
def past(make_cluster: MakeCluster, work_directory: Path) -> Past:
    cluster = make_cluster(segment_size=SEGMENT_SIZE)
    archive = work_directory / "archive"
    archive.mkdir()
    cluster.os_user.give(archive)
    cluster.configure(
        {
            "archive_mode": "on",
            "archive_command": f"cp %p {archive}/%f",
            "restore_command": f"cp {archive}/%f %p",
        }
    )
    cluster.start()
    backup = work_directory / "backup"
    take = ["pg_basebackup", "-X", "none", "-c", "fast", "-D", str(backup)]
    cluster.run([str(cluster.programs.path(take[0])), *take[1:]])
    label = (backup / "backup_label").read_text()
    cluster.execute("create table kept as select 1 as timeline")
    cluster.switch_wal()
    for timeline in (2, 3):
        cluster.stop()
        (cluster.data_directory / "standby.signal").touch()
        cluster.start()
        cluster.promote()
        cluster.execute(f"insert into kept select {timeline}")
        cluster.switch_wal()
        cluster.execute(f"insert into kept select {timeline}")
    stop_lsn = cluster.value("select pg_current_wal_insert_lsn()")
    cluster.wait_until_archived(cluster.switch_wal())
    cluster.stop()
    start_lsn = label.split(maxsplit=4)[3]
    return Past(cluster, archive, backup, Lsn.parse(start_lsn), Lsn.parse(stop_lsn))


@pytest.fixture
def rows_recovered(
    past: Past, adopt_cluster: Callable[[str, Path], Cluster], work_directory: Path
) -> Callable[[list[str]], int]:
    """How many rows a recovery to the stop position has, given the WAL so named."""

    def recover(names: list[str]) -> int:
        for directory in ("copy", "copy-run", "given"):
            shutil.rmtree(work_directory / directory, ignore_errors=True)
        data, given = work_directory / "copy", work_directory / "given"
        past.cluster.run(["cp", "-a", str(past.backup), str(data)])
        past.cluster.run(["mkdir", str(given)])
        for name in names:
            past.cluster.run(["cp", str(past.archive / name), str(given)])
        (data / "recovery.signal").touch()
        copy = adopt_cluster("copy", data)
        copy.configure(
            {
                "archive_mode": "off",
                "restore_command": f"cp {given}/%f %p",
                "recovery_target_timeline": "3",
                "recovery_target_lsn": str(past.stop_lsn),
                "recovery_target_inclusive": "off",
                "recovery_target_action": "promote",
            }
        )
        copy.start()
        # PostgreSQL removes it once the target is reached.
        while (data / "recovery.signal").exists():
            if not copy.is_running:
                raise ServerEnded(copy.server_log())
            time.sleep(0.02)
        copy.wait_for("select pg_is_in_recovery()", "f")
        rows = int(copy.value("select count(*) from kept"))
        copy.stop()
        return rows

    return recover


def test_all_that_is_archived_over_two_promotions_passes_the_check(past: Past) -> None:
    control = read_control_data(past.cluster.data_directory)
    forks = 0
    for path in past.archive.iterdir():
        file = WalFile.parse(path.name)
        if file.kind not in (WalFileKind.SEGMENT, WalFileKind.PARTIAL):
            continue
        history = TimelineHistory(1)
        if file.timeline > 1:
            text = (past.archive / history_file_name(file.timeline)).read_text()
            history = TimelineHistory.parse(file.timeline, text)
        header = WalHeader.parse(path.read_bytes())
        forks += header.timeline < file.timeline
        assert (
            check_segment_header(
                header,
                file,
                file_size=path.stat().st_size,
                system_identifier=control.system_identifier,
                history=history,
            )
            == ()
        )
    assert forks == 2


def test_the_needed_wal_is_enough(
    past: Past, rows_recovered: Callable[[list[str]], int]
) -> None:
    needed = past.needed
    assert past.history.ancestors == (1, 2)
    assert {name[:8] for name in needed} == {"00000001", "00000002", "00000003"}

    assert rows_recovered(needed) == 5


def test_of_the_needed_segments_none_can_be_missing(
    past: Past, rows_recovered: Callable[[list[str]], int]
) -> None:
    needed = past.needed
    for missing in needed:
        # History 2 is needed by later promotions: history 3 says the same and more.
        if missing == history_file_name(2):
            continue
        rest = [name for name in needed if name != missing]
        with pytest.raises(
            ServerEnded, match=r"FATAL:.*(before configured|does not exist|checkpoint)"
        ):
            rows_recovered(rest)
