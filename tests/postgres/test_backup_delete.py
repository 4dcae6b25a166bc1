"""Real backups before and after a promotion: what a policy leaves restores and runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.archived_site import SERVER, Site
from tests.support.cluster import Cluster
from tests.support.programs import command_path

pytestmark = pytest.mark.postgres


def add_row(cluster: Cluster, number: int) -> None:
    cluster.execute(f"INSERT INTO rows VALUES ({number})")


def rows(cluster: Cluster) -> list[str]:
    return [n for (n,) in cluster.sql("SELECT n FROM rows ORDER BY n")]


def wal(site: Site) -> set[str]:
    found = (site.root / SERVER / "wals").rglob("*.zst")
    return {path.name.removesuffix(".zst") for path in found}


def begin_wal(site: Site, backup: str) -> str:
    info = (site.root / SERVER / "base" / backup / "backup.info").read_text()
    return info.partition("begin_wal=")[2][:24]


@pytest.fixture
def site(
    cluster: Cluster,
    work_directory: Path,
    adopt_cluster: Callable[[str, Path], Cluster],
) -> Site:
    made = Site(cluster, work_directory, adopt_cluster)
    made.archive_here()
    cluster.execute("CREATE TABLE rows (n int)")
    return made


def fill(site: Site) -> list[str]:
    """Take two backups of a cluster, and one of the copy that takes over from it."""
    first = site.back_up()
    add_row(site.cluster, 1)
    site.archived()
    second = site.back_up()
    add_row(site.cluster, 2)
    site.archived()
    site.cluster.kill()
    target = site.directory / "promoted"
    site.restore(target, "--archive-mode", "take-over", backup=first)
    promoted = site.started(target, "promoted")
    add_row(promoted, 3)
    site.archived(promoted)
    third = site.back_up(promoted)
    add_row(promoted, 4)
    site.archived(promoted)
    return [first, second, third]


def rows_after_restore(site: Site, name: str, backup: str, *options: str) -> list[str]:
    target = site.directory / name
    site.restore(target, *options, "--archive-mode", "off", backup=backup)
    restored = site.started(target, name)
    found = rows(restored)
    restored.stop()
    return found


def test_what_a_policy_leaves_on_both_sides_of_a_promotion_restores(
    site: Site,
) -> None:
    first, second, third = fill(site)
    before = wal(site)

    program = command_path("backup-delete")
    options = ["-r", "REDUNDANCY 2", "--format", "json"]
    argv = [program, *options, site.url, SERVER]
    answer = json.loads(site.cluster.run(argv, cwd=site.directory).stdout)

    assert [each["backup_id"] for each in answer["backups"]] == [first]
    assert [each["backup_id"] for each in answer["remaining"]] == [second, third]
    gone = before - wal(site)
    assert gone
    assert answer["wal"][0]["first"] == min(gone)[:24]
    assert max(gone) < begin_wal(site, second)
    assert rows_after_restore(site, "again2", second) == ["1", "2", "3", "4"]
    assert rows_after_restore(site, "again3", third) == ["1", "2", "3", "4"]
    # The branch that the promotion left can still be gone along to its end.
    old = rows_after_restore(site, "old", second, "--target-tli", "1")
    assert old == ["1", "2"]
    refused = site.restore(site.directory / "none", backup=first, check=False)
    assert refused.returncode == 1
