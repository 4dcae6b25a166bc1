"""Annotations that barman-cloud-backup-keep puts beside the archive.

On Ceph: SeaweedFS takes two slashes for one.
"""

import subprocess
from pathlib import Path

import pytest

from tests.services.ceph import ceph_endpoint
from tests.support.barman_backups import BarmanBackup
from tests.support.both_tools import BothTools
from tests.support.stored_backup import BACKUP_ID


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> BothTools:
    """An archive with a backup that barman-cloud keeps by a URL with a last slash."""
    tools = BothTools.found(ceph_endpoint())
    BarmanBackup().store(tools.bucket.open("pg/main"))
    line = f"backup-keep --target full {{url}}/ main {BACKUP_ID}"
    answer = tools.run("theirs", line, tmp_path_factory.mktemp("keep"))
    assert answer.returncode == 0, answer.stderr
    return tools


def status(tools: BothTools, tool: str, directory: Path) -> str:
    line = f"backup-keep --status {{url}} main {BACKUP_ID}"
    answer = tools.run(tool, line, directory)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def ours(
    tools: BothTools, line: str, directory: Path
) -> subprocess.CompletedProcess[str]:
    return tools.run("ours", line, directory)


def test_backup_that_barman_itself_does_not_see_kept_is_kept(
    tools: BothTools, tmp_path: Path
) -> None:
    assert status(tools, "theirs", tmp_path) == "Keep: nokeep\n"
    assert status(tools, "ours", tmp_path) == "Keep: full\n"
    assert "full" in ours(tools, "backup-list {url} main", tmp_path).stdout.split()

    refused = ours(tools, f"backup-delete -b {BACKUP_ID} {{url}} main", tmp_path)
    assert refused.returncode == 1, refused.stderr

    released = ours(tools, f"backup-keep --release {{url}} main {BACKUP_ID}", tmp_path)
    assert released.returncode == 0, released.stderr
    assert status(tools, "ours", tmp_path) == "Keep: nokeep\n"
    found = tools.bucket.client.list_objects_v2(Bucket=tools.bucket.name)
    assert not [each["Key"] for each in found["Contents"] if "keep" in each["Key"]]
