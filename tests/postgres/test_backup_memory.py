"""A backup's memory is bounded, however many files the cluster has."""

import sys
from pathlib import Path

import pytest

from tests.support.backups import Archive, BackupRunner
from tests.support.cluster import Cluster

pytestmark = pytest.mark.postgres

MANY = 120_000
MAKE_FILES = """
import os, sys
os.makedirs(sys.argv[1])
os.chdir(sys.argv[1])
for number in range(int(sys.argv[2])):
    os.close(os.open(str(100_000 + number), os.O_CREAT | os.O_WRONLY, 0o600))
"""


# A process has the memory of the one that it was forked from in its own peak, so it
# is started by a small one.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_memory(cluster: Cluster, runner: BackupRunner) -> int:
    """Take a backup; return the most bytes it had in memory."""
    command = runner.argv("--jobs", "1")
    measured = cluster.run([sys.executable, "-c", MEASURE, *command])
    return int(measured.stdout) * 1024


def test_memory_does_not_grow_with_the_number_of_files(
    cluster: Cluster, work_directory: Path
) -> None:
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])
    cluster.configure({"archive_command": archive.archive_command})
    runner = BackupRunner(cluster, archive)
    place = cluster.data_directory / "base" / "99999"
    cluster.run([sys.executable, "-c", MAKE_FILES, str(place), str(MANY)])

    most = peak_memory(cluster, runner)

    # Python and one volume's list of 50,000 files; all files would take more.
    assert most < 92 << 20
    backup = archive.backup()
    assert sum(each["files"] for each in backup.volume_list["objects"]) > MANY
    assert max(each["files"] for each in backup.volume_list["objects"][:-1]) <= 50_000
