"""cloudhoard-backup where the archive was, and is not mounted."""

from pathlib import Path

import pytest

from tests.support.backups import Archive, BackupRunner
from tests.support.cluster import Cluster

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("elsewhere", [False, True])
def test_does_not_begin_an_archive_where_one_was(
    cluster: Cluster, work_directory: Path, *, elsewhere: bool
) -> None:
    """Or archive_command would go on in the directory below the mount."""
    archive = Archive(work_directory / "archive")
    spool = ["--spool-dir", str(work_directory / "spool")] if elsewhere else []
    cluster.run(["mkdir", str(archive.root)])
    cluster.configure({"archive_command": " ".join([archive.archive_command, *spool])})
    cluster.switch_wal()
    cluster.wait_for("select archived_count > 0 from pg_stat_archiver", "t")
    cluster.run(["mv", str(archive.root), f"{archive.root}.unmounted"])
    cluster.run(["mkdir", str(archive.root)])

    ended = BackupRunner(cluster, archive).attempt(*spool)

    assert ended.returncode == 2, ended.stderr
    assert "is it mounted?" in ended.stderr
    assert list(archive.root.iterdir()) == []
