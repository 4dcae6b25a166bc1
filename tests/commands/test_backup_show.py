import json
from pathlib import Path

import pytest

from cloudhoard.commands import backup_show
from cloudhoard.domain.archive_layout import (
    IDENTITY_KEY,
    backup_info_key,
    keep_key,
    started_key,
)
from cloudhoard.domain.backup_info import BackupStatus, Tablespace
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

LATER = "20261122T000000"


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    storage = open_archive(tmp_path)
    put(storage, IDENTITY_KEY)
    return storage


def shown(tmp_path: Path, backup: str, *options: str) -> int:
    return backup_show.main([*options, f"file://{tmp_path}", "main", backup])


def test_a_complete_backup_is_described_fact_by_fact(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tablespace = Tablespace("evil\x1b[2J", 16384, "/srv/\udcff\u202e")
    info = made_up_info(backup_name="weekly", tablespaces=(tablespace,))
    put_info(archive, info)
    put(archive, keep_key(BACKUP_ID), b"full")

    assert shown(tmp_path, "latest") == 0

    size = len(info.render()) + len(b"full")
    out, err = capsys.readouterr()
    assert (
        out
        == f"""\
Backup {BACKUP_ID}:
  State               : DONE
  Name                : weekly
  Keep                : full
  Stored size         : {size / 1024:.1f} KiB
  Plain size          : 22.3 MiB
  Files               : 972
  WAL included        : no
  Encrypted for key   : {"ab" * 32}
  Made by             : CloudHoard 0.1.0
  System identifier   : 7710490735113798557
  PostgreSQL version  : 15.20
  Data directory      : /srv/pg/data
  Data checksums      : on
  Timeline            : 1
  Begin time          : 2026-11-21T05:22:27.172874Z
  End time            : 2026-11-21T05:22:28.172874Z
  Begin LSN           : 0/3000028
  End LSN             : 0/3000100
  Begin WAL           : 000000010000000000000003
  End WAL             : 000000010000000000000003
  Tablespaces:
    evil\\x1b[2J: /srv/\\xff\\u202e (oid 16384)
"""
    )
    assert err == ""


def test_an_unfinished_backup_tells_who_takes_it(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(archive, started_key(BACKUP_ID), made_up_marker().to_json())

    assert shown(tmp_path, BACKUP_ID) == 0

    assert capsys.readouterr().out.splitlines()[3:] == [
        "  Started             : 2026-11-21T05:22:26.172874Z",
        "  Host                : db1, process 4711",
        "  Data directory      : /srv/pg/data",
    ]


def test_a_failed_backup_tells_why(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_info(archive, made_up_info(status=BackupStatus.FAILED, error="disk full"))

    assert shown(tmp_path, "last-failed") == 0

    lines = capsys.readouterr().out.splitlines()
    assert "  State               : FAILED" in lines
    assert "  Error               : disk full" in lines


def test_json_is_under_the_name_that_barman_uses(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_info(archive, made_up_info())

    assert shown(tmp_path, BACKUP_ID, "--format", "json") == 0

    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["cloud"]
    assert document["cloud"]["backup_id"] == BACKUP_ID
    assert document["cloud"]["cloudhoard"]["state"] == "DONE"


def test_names_and_words_resolve(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_info(archive, made_up_info(backup_name="weekly"))
    later = made_up_info(LATER, end_time=STOPPED_AT.replace(day=22))
    put_info(archive, later, LATER)

    for text, backup_id in [
        ("weekly", BACKUP_ID),
        ("oldest", BACKUP_ID),
        ("latest", LATER),
        (LATER, LATER),
    ]:
        assert shown(tmp_path, text) == 0
        assert capsys.readouterr().out.startswith(f"Backup {backup_id}:\n")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("20000101T000000", 1, "there is no backup 20000101T000000"),
        ("last-failed", 1, "there is no failed backup"),
        ("mon\x1bthly", 1, "there is no backup with the id or name 'mon\\x1bthly'"),
        ("weekly", 1, f"2 backups have the name 'weekly': {BACKUP_ID}, {LATER}"),
        ("auto", 3, "'auto' names a backup only in cloudhoard-restore"),
    ],
)
def test_text_that_names_no_backup_is_one_error_with_a_hint(
    archive: Storage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    code: int,
    message: str,
) -> None:
    put_info(archive, made_up_info(backup_name="weekly"))
    put_info(archive, made_up_info(LATER, backup_name="weekly"), LATER)

    assert shown(tmp_path, text) == code

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"cloudhoard-backup-show: error: {message}"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"tablespaces=" + b"[" * 10**6,
        b"tablespaces=__import__('os').system('touch forged')",
        b"x" * (9 << 20),
        b"status=\x1b[2J",
    ],
)
def test_a_forged_backup_info_is_one_error_and_exit_code_5(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    put(archive, backup_info_key(BACKUP_ID), data)

    assert shown(tmp_path, BACKUP_ID, "--quiet") == 5

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"cloudhoard-backup-show: error: backup {BACKUP_ID}: ")
    assert err.count("\n") == 1
    assert len(err) < 300
    assert "\x1b" not in err
    assert not Path("forged").exists()


def test_a_backup_that_no_trusted_key_signed_is_not_shown(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = SigningPair.create(tmp_path, "db1")
    put_info(archive, made_up_info())

    assert shown(tmp_path, BACKUP_ID, "-q", "--trusted-signer", str(pair.public)) == 5
    assert capsys.readouterr().err.endswith(
        f"error: backup {BACKUP_ID}: backup.info is not signed\n"
    )


def test_the_backup_is_not_left_out(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del archive

    assert backup_show.main([f"file://{tmp_path}", "main"]) == 3
    assert "BACKUP" in capsys.readouterr().err
