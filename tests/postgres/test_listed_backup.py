"""What is listed and shown of a backup of a real server, held against the server."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.backup_label import BackupLabel
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.manifest import ManifestWriter
from cloudhoard.domain.manifest_reader import ManifestReader
from cloudhoard.domain.tablespace_map import parse_tablespace_map
from tests.conftest import MakeCluster
from tests.support.backups import SERVER, Archive, BackupRunner
from tests.support.cluster import Cluster, command_path

pytestmark = pytest.mark.postgres


@pytest.fixture
def archive(work_directory: Path, cluster: Cluster) -> Archive:
    archive = Archive(work_directory / "archive")
    cluster.run(["mkdir", str(archive.root)])
    cluster.configure({"archive_command": archive.archive_command})
    return archive


def shown(cluster: Cluster, archive: Archive, backup: str) -> Any:
    argv = [command_path("backup-show"), "--format", "json", archive.url, SERVER]
    return json.loads(cluster.run([*argv, backup]).stdout)["cloud"]


def test_backup_is_shown_with_the_facts_of_its_server(
    cluster: Cluster, archive: Archive, work_directory: Path
) -> None:
    place = work_directory / "table space"
    cluster.run(["mkdir", str(place)])
    cluster.execute(f"create tablespace fast location '{place}'")
    before = cluster.value("select now()")
    BackupRunner(cluster, archive).take("--name", "weekly")
    after = cluster.value("select now()")

    backup = shown(cluster, archive, "weekly")

    assert backup == shown(cluster, archive, "latest")
    assert backup["status"] == "DONE"
    assert backup["systemid"] == cluster.value(
        "select system_identifier from pg_control_system()"
    )
    assert str(backup["version"]) == cluster.value("show server_version_num")
    assert backup["pgdata"] == cluster.value("show data_directory")
    oid = cluster.value("select oid from pg_tablespace where spcname = 'fast'")
    assert backup["tablespaces"] == [["fast", int(oid), str(place)]]
    started = datetime.fromisoformat(backup["begin_time_iso"])
    stopped = datetime.fromisoformat(backup["end_time_iso"])
    assert datetime.fromisoformat(before) < started < stopped
    assert stopped < datetime.fromisoformat(after)
    assert Lsn.parse(backup["begin_xlog"]) < Lsn.parse(backup["end_xlog"])


def test_stored_texts_are_read_and_written_again_byte_for_byte(
    cluster: Cluster, archive: Archive
) -> None:
    backup = BackupRunner(cluster, archive).take()

    text = (backup.path / "backup.info").read_text()
    info = BackupInfo.parse(text)
    assert info.render() == text
    assert info.backup_label is not None
    label = BackupLabel.parse(info.backup_label)
    assert label.render() == info.backup_label
    assert label.start_lsn == info.begin_xlog
    assert label.start_segment == info.begin_wal


def test_manifest_of_the_server_itself_is_written_again_byte_for_byte(
    make_cluster: MakeCluster, work_directory: Path
) -> None:
    cluster = make_cluster()  # without archive_mode, whose end nobody would wait for
    cluster.start()
    place = work_directory / "a\\b c"
    cluster.run(["mkdir", str(place)])
    cluster.execute(f"create tablespace odd location '{place}'")
    target = work_directory / "copy"
    program = cluster.programs.path("pg_basebackup")
    options = ["--format=tar", "--wal-method=none", "--checkpoint=fast", "--no-sync"]
    options += ["--manifest-checksums=SHA256", f"--pgdata={target}"]
    cluster.run([program, *options, f"--dbname={cluster.conninfo}"])

    data = (target / "backup_manifest").read_bytes()
    with (target / "backup_manifest").open("rb") as file:
        reader = ManifestReader(file)
        entries = list(reader.entries())

    writer = ManifestWriter(reader.version, reader.system_identifier or 0)
    written = writer.begin() + writer.entries(entries)
    assert written + writer.finish(reader.wal_ranges) == data
    tar = ["tar", "--extract", "--to-stdout", f"--file={target / 'base.tar'}"]
    mapped = cluster.run([*tar, "tablespace_map"]).stdout
    assert [each.location for each in parse_tablespace_map(mapped)] == [str(place)]
