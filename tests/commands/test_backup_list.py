import json
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any, Final

import pytest

from cloudhoard.commands import backup_list
from cloudhoard.domain.archive_layout import (
    IDENTITY_KEY,
    backup_info_key,
    deleting_key,
    keep_key,
    started_key,
)
from cloudhoard.domain.backup_info import BackupStatus
from cloudhoard.storage.protocol import Storage
from tests.support.local_archive import open_archive
from tests.support.made_up_backups import (
    BACKUP_ID,
    STOPPED_AT,
    made_up_info,
    made_up_marker,
    put_info,
)
from tests.support.signing_pair import SigningPair
from tests.support.stores import put

BARMAN: Final = (
    Path(__file__).parents[1] / "golden" / "barman" / "backup.info"
).read_bytes()


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    storage = open_archive(tmp_path)
    put(storage, IDENTITY_KEY)
    return storage


def listed(tmp_path: Path, *options: str) -> int:
    return backup_list.main([*options, f"file://{tmp_path}", "main"])


def listed_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    assert listed(tmp_path, "--format", "json") == 0
    return json.loads(capsys.readouterr().out)["backups_list"]


def test_every_backup_has_a_line_that_tells_its_state(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    berlin = timezone(timedelta(hours=1))
    info = made_up_info(
        backup_name="weekly", end_time=STOPPED_AT.astimezone(berlin), cloudhoard=None
    )
    put_info(archive, info)
    put(archive, keep_key(BACKUP_ID), b"standalone")
    failed = replace(
        info, status=BackupStatus.FAILED, end_time=None, begin_wal=None, error="x"
    )
    put_info(archive, failed, "20261122T000000")
    marker = made_up_marker("20261123T000000", backup_name="böse\x1b[2J")
    put(archive, started_key("20261123T000000"), marker.to_json())
    put(archive, deleting_key("20261124T000000"))
    put(archive, backup_info_key("20261125T000000"), b"no info")

    assert listed(tmp_path) == 0

    out, err = capsys.readouterr()
    size = len(info.render()) + len(b"standalone")
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "Backup ID End time Begin WAL State Keep Size Name",
        (
            f"{BACKUP_ID} 2026-11-21T05:22:28Z 000000010000000000000003 DONE"
            f" standalone {size} B weekly"
        ),
        f"20261122T000000 FAILED {len(failed.render())} B weekly",
        f"20261123T000000 UNFINISHED {len(marker.to_json())} B böse\\x1b[2J",
        "20261124T000000 DELETING 7 B",
        "20261125T000000 UNREADABLE 7 B",
    ]
    assert err == (
        "cloudhoard-backup-list: warning: backup 20261125T000000:"
        " line 1 of backup.info has no '='\n"
    )


def test_an_archive_without_backups_is_an_empty_list(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del archive

    assert listed_json(tmp_path, capsys) == []
    assert listed(tmp_path) == 0
    assert capsys.readouterr().out.splitlines()[1:] == []


def test_barmans_backup_has_barmans_keys_and_values(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(archive, backup_info_key(BACKUP_ID), BARMAN)

    (backup,) = listed_json(tmp_path, capsys)

    copy_stats = backup.pop("copy_stats")
    assert copy_stats["copy_time_per_item"] == {"16384": 0.027888, "data": 740.625231}
    label = backup.pop("backup_label")
    assert label.startswith("'START WAL LOCATION: 0/3000028 (file")
    assert label.endswith("\\nSTART TIMELINE: 1\\n'")
    assert backup.pop("cloudhoard") == {
        "state": "DONE",
        "keep": None,
        "problem": None,
        "stored_size": len(BARMAN),
    }
    assert backup == {
        "backup_name": "mybkp",
        "begin_offset": 40,
        "begin_time": "Sat Nov 21 05:22:27 2026",
        "begin_wal": "000000010000000000000003",
        "begin_xlog": "0/3000028",
        "children_backup_ids": None,
        "cluster_size": 23400137,
        "compression": None,
        "config_file": "/srv/pg/data/postgresql.conf",
        "data_checksums": "on",
        "deduplicated_size": None,
        "encryption": None,
        "end_offset": 256,
        "end_time": "Sat Nov 21 05:22:28 2026",
        "end_wal": "000000010000000000000003",
        "end_xlog": "0/3000100",
        "error": None,
        "hba_file": "/srv/extconf/pg_hba.conf",
        "ident_file": "/srv/pg/data/pg_ident.conf",
        "included_files": None,
        "mode": None,
        "parent_backup_id": None,
        "pgdata": "/srv/pg/data",
        "server_name": "cloud",
        "size": None,
        "status": "DONE",
        "summarize_wal": None,
        "systemid": "7710490735113798557",
        "tablespaces": [["t1", 16384, "/srv/ts1"]],
        "timeline": 1,
        "version": 150020,
        "xlog_segment_size": 16777216,
        "backup_id": BACKUP_ID,
        "begin_time_iso": "2026-11-21T05:22:27.579565+00:00",
        "end_time_iso": "2026-11-21T05:22:28.172874+00:00",
    }


def test_ours_says_more_under_one_key_of_its_own(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_info(archive, made_up_info(children_backup_ids=("a", "b")))

    (backup,) = listed_json(tmp_path, capsys)

    assert "backup_name" not in backup
    assert "snapshots_info" not in backup
    assert backup["children_backup_ids"] == "a,b"
    assert backup["cloudhoard"] == {
        "state": "DONE",
        "keep": None,
        "problem": None,
        "stored_size": len(made_up_info(children_backup_ids=("a", "b")).render()),
        "kind": "full",
        "tool_version": "0.1.0",
        "format_version": 1,
        "plain_size": 23_400_137,
        "files": 972,
        "wal_included": False,
        "encrypted": True,
        "key_fingerprints": ["ab" * 32],
    }


def test_what_has_no_backup_info_has_nulls_and_its_state(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = made_up_marker(BACKUP_ID, backup_name="weekly")
    put(archive, started_key(BACKUP_ID), marker.to_json())
    put(archive, backup_info_key("20261125T000000"), b"no info")

    unfinished, unreadable = listed_json(tmp_path, capsys)

    assert unfinished["status"] == "UNFINISHED"
    assert unfinished["end_time"] is None
    assert "end_time_iso" not in unfinished
    assert unfinished["cloudhoard"] == {
        "state": "UNFINISHED",
        "keep": None,
        "problem": None,
        "stored_size": len(marker.to_json()),
        "name": "weekly",
        "started_at": "2026-11-21T05:22:26.172874+00:00",
        "host": "db1",
        "process_id": 4711,
        "data_directory": "/srv/pg/data",
    }
    assert unreadable["status"] == "UNREADABLE"
    assert unreadable["xlog_segment_size"] is None
    assert unreadable["cloudhoard"]["problem"] == "line 1 of backup.info has no '='"


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 1000,
        b"tablespaces=" + b"(" * 10**6,
        b"size=" + b"9" * 10**6,
        b"copy_stats={'a': 1e999}",
        b"end_time=9999-12-31 23:59:59-23:59\n",
        b"begin_time=0001-01-01 00:00:00",
        b"backup_name=" + b"\x1b[2J" * 1000 + b"\nerror=\xe2\x80\xae\n",
        b"status=DONE\nend_time=2026-11-21 00:00:00+00:00\nversion=1\n",
        b'#cloudhoard {"format_version":1e999}',
        b"#cloudhoard-signature x",
        b"x" * (9 << 20),
    ],
)
def test_a_forged_backup_info_is_listed_without_a_trace(
    archive: Storage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    data: bytes,
    form: str,
) -> None:
    put(archive, backup_info_key(BACKUP_ID), data)
    put_info(archive, made_up_info("20261122T000000"), "20261122T000000")

    assert listed(tmp_path, "--format", form) == 0

    out, err = capsys.readouterr()
    assert BACKUP_ID in out
    assert "20261122T000000" in out
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    assert "Traceback" not in err
    assert len(err) < 400
    assert err.count("\n") <= 1


def test_only_what_a_trusted_key_signed_is_believed(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = SigningPair.create(tmp_path, "db1")
    body = made_up_info().render().encode()
    put(archive, backup_info_key(BACKUP_ID), pair.signed(body))
    put_info(archive, made_up_info("20261122T000000"), "20261122T000000")

    assert listed(tmp_path, "--trusted-signer", str(pair.public)) == 0

    out, err = capsys.readouterr()
    assert [line.split()[0:4:3] for line in out.splitlines()[1:2]] == [
        [BACKUP_ID, "DONE"]
    ]
    assert "20261122T000000" in out
    assert "UNREADABLE" in out
    assert err.endswith("backup 20261122T000000: backup.info is not signed\n")


def test_a_signing_key_is_no_key_to_trust(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del archive
    pair = SigningPair.create(tmp_path, "db1")

    assert listed(tmp_path, "--trusted-signer", str(pair.signing)) == 3
    assert str(pair.signing) in capsys.readouterr().err


def test_an_archive_that_is_not_there_is_no_empty_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(tmp_path) == 2
    assert listed(tmp_path / "gone") == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("cloudhoard-backup-list: error: ") == 2
    assert "hint: is it mounted? is SERVER_NAME right?" in err


def test_reaching_the_archive_can_be_tested_alone(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(archive, backup_info_key(BACKUP_ID), b"no info")

    assert listed(tmp_path, "-t") == 0
    assert listed(tmp_path / "gone", "--test") == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("options", [["--format", "xml"], ["--private-key", "x"]])
def test_a_wrong_command_line_exits_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert listed(tmp_path, *options) == 3
    assert capsys.readouterr().out == ""
