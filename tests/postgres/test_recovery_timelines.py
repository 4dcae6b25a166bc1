"""Recoveries from an archive of three timelines, each made by a real promotion.

Timeline 1 has the rows 1, 2 and 11; it was left behind 2 for timeline 2, which has 3
and 12 and was left behind 3 for timeline 3, which has 4 and a backup of its own.
"""

from dataclasses import dataclass, field

import pytest

from tests.support.archived_site import Site
from tests.support.cluster import Cluster
from tests.support.wal_shipping import MIB
from tests.support.workplace import Workplace

pytestmark = pytest.mark.postgres


@dataclass
class Branches:
    """The archive, and what happened when, by the number of the row."""

    site: Site
    first_backup: str
    last_backup: str = ""
    positions: dict[int, str] = field(default_factory=dict)
    """Of the record behind a row's commit."""

    def write(self, cluster: Cluster, *rows: int) -> None:
        for row in rows:
            cluster.execute(f"INSERT INTO rows VALUES ({row})")
            self.positions[row] = cluster.value("SELECT pg_current_wal_insert_lsn()")

    def until(self, row: int) -> tuple[str, ...]:
        return ("--target-lsn", self.positions[row], "--target-exclusive")


@pytest.fixture(scope="module")
def branches(module_workplace: Workplace) -> Branches:
    settings = {"archive_mode": "on", "archive_command": "", "autovacuum": "off"}
    cluster = module_workplace.make(settings=settings, segment_size=MIB)
    cluster.start()
    site = Site(cluster, module_workplace.directory, module_workplace.adopt)
    site.archive_here()
    cluster.execute("CREATE TABLE rows (n int)")
    branches = Branches(site, site.back_up())
    branches.write(cluster, 1, 2, 11)
    for timeline, row in ((2, 2), (3, 3)):
        site.archived(cluster)
        cluster.stop()
        cluster = promoted(branches, timeline, branches.until(row))
        branches.write(cluster, *((3, 12) if timeline == 2 else (4,)))
    branches.last_backup = site.back_up(cluster)
    site.archived(cluster)
    cluster.stop()
    return branches


def promoted(branches: Branches, timeline: int, until: tuple[str, ...]) -> Cluster:
    """Restore to a point of the timeline before, which takes its place."""
    options = ("--target-action", "promote", "--archive-mode", "take-over")
    target = branches.site.directory / f"timeline{timeline}"
    branches.site.restore(target, *until, *options)
    cluster = branches.site.started(target, f"timeline{timeline}")
    segment = cluster.value("SELECT pg_walfile_name(pg_current_wal_lsn())")
    assert segment[:8] == f"{timeline:08X}"
    return cluster


def rows_of(
    branches: Branches, workplace: Workplace, *options: str, backup: str
) -> list[int]:
    target = workplace.directory / "restored"
    branches.site.restore(target, *options, "--archive-mode", "off", backup=backup)
    restored = workplace.adopt("restored", target)
    restored.start()
    restored.wait_for("SELECT pg_is_in_recovery()", "f", 60)
    return [int(n) for (n,) in restored.sql("SELECT n FROM rows ORDER BY n")]


@pytest.mark.parametrize("is_auto", [True, False])
def test_latest_follows_both_promotions(
    branches: Branches,
    workplace: Workplace,
    is_auto: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    backup = "auto" if is_auto else branches.first_backup

    assert rows_of(branches, workplace, backup=backup) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("timeline", "rows"),
    [("1", [1, 2, 11]), ("2", [1, 2, 3, 12]), ("current", [1, 2, 11])],
)
def test_older_timeline_to_its_own_end(
    branches: Branches, workplace: Workplace, timeline: str, rows: list[int]
) -> None:
    # auto passes over the newest backup, which lies on timeline 3.
    backup = branches.first_backup if timeline == "current" else "auto"
    options = ("--target-tli", timeline)

    assert rows_of(branches, workplace, *options, backup=backup) == rows


@pytest.mark.parametrize(("row", "rows"), [(1, [1]), (3, [1, 2, 3])])
def test_moment_before_a_fork(
    branches: Branches, workplace: Workplace, row: int, rows: list[int]
) -> None:
    options = (*branches.until(row), "--target-action", "promote")

    assert rows_of(branches, workplace, *options, backup="auto") == rows


def test_position_that_two_timelines_have_is_that_of_the_one_which_is_named(
    branches: Branches, workplace: Workplace
) -> None:
    options = (*branches.until(11), "--target-action", "promote")

    found = rows_of(branches, workplace, *options, "--target-tli", "1", backup="auto")

    assert found == [1, 2, 11]


def test_backup_of_the_newest_timeline_does_not_lead_to_an_older_one(
    branches: Branches, workplace: Workplace
) -> None:
    target = workplace.directory / "restored"

    refused = branches.site.restore(
        target, "--target-tli", "2", backup=branches.last_backup, check=False
    )

    assert refused.returncode == 1
    assert "ends on timeline 3 at" in refused.stderr
    assert "not in the history of timeline 2" in refused.stderr
    assert not target.exists()
