import json
from pathlib import Path
from typing import Final

import pytest

from cloudhoard.commands import backup_keep
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
    made_up_info,
    made_up_marker,
    put_info,
)
from tests.support.stores import get, keys, put

KEEP: Final = keep_key(BACKUP_ID)
ABSENT: Final = "20200101T000000"


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    storage = open_archive(tmp_path)
    put(storage, IDENTITY_KEY)
    put_info(storage, made_up_info(backup_name="weekly"))
    return storage


def keep(tmp_path: Path, *options: str, backup: str = BACKUP_ID) -> int:
    return backup_keep.main([*options, f"file://{tmp_path}", "main", backup])


@pytest.mark.parametrize("target", ["full", "standalone"])
@pytest.mark.parametrize("name", [BACKUP_ID, "weekly", "latest"])
def test_the_annotation_is_barmans_to_the_byte(
    archive: Storage,
    tmp_path: Path,
    target: str,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert keep(tmp_path, "--target", target, backup=name) == 0
    assert capsys.readouterr() == ("", "")
    assert get(archive, KEEP) == target.encode()

    assert keep(tmp_path, "--status", backup=name) == 0
    assert capsys.readouterr() == (f"Keep: {target}\n", "")


@pytest.mark.parametrize("option", ["-s", "--status"])
def test_a_backup_that_nobody_keeps_is_nokeep(
    archive: Storage, tmp_path: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    del archive

    assert keep(tmp_path, option) == 0
    assert capsys.readouterr().out == "Keep: nokeep\n"


@pytest.mark.parametrize("option", ["-r", "--release"])
def test_a_released_backup_has_no_annotation(
    archive: Storage, tmp_path: Path, option: str
) -> None:
    before = keys(archive)
    keep(tmp_path, "--target", "full")

    assert keep(tmp_path, option) == 0
    assert keys(archive) == before
    assert keep(tmp_path, option) == 0, "released already"


def test_the_target_can_be_changed(archive: Storage, tmp_path: Path) -> None:
    for target in ("full", "standalone", "standalone", "full"):
        assert keep(tmp_path, "--target", target) == 0
        assert get(archive, KEEP) == target.encode()


def test_json_tells_what_is_so_now(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del archive
    for option, state in [
        (["--status"], None),
        (["--target", "standalone"], "standalone"),
        (["--status"], "standalone"),
        (["--release"], None),
    ]:
        assert keep(tmp_path, *option, "--format", "json") == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer == {"backup_id": BACKUP_ID, "keep": state}


@pytest.mark.parametrize("option", [["-r"], ["-s"], ["--target", "full"]])
@pytest.mark.parametrize("name", [ABSENT, "monthly"])
def test_a_backup_that_is_not_there_is_one_line(
    archive: Storage,
    tmp_path: Path,
    option: list[str],
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = keys(archive)

    assert keep(tmp_path, *option, backup=name) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("cloudhoard-backup-keep: error: there is no backup ")
    assert name in err.splitlines()[0]
    assert keys(archive) == before


def test_only_complete_backups_are_kept(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, running = "20261122T000000", "20261123T000000"
    info = made_up_info(failed, status=BackupStatus.FAILED, end_time=None)
    put_info(archive, info, failed)
    put(archive, started_key(running), made_up_marker(running).to_json())
    put(archive, backup_info_key("20261124T000000"), b"no info")
    before = keys(archive)

    assert keep(tmp_path, "--target", "full", backup=failed) == 1
    assert "is FAILED, not complete" in capsys.readouterr().err
    assert keep(tmp_path, "--target", "full", backup=running) == 1
    assert "is UNFINISHED, not complete" in capsys.readouterr().err
    assert keep(tmp_path, "--target", "full", backup="20261124T000000") == 5
    assert keys(archive) == before


def test_a_backup_whose_deletion_has_begun_is_not_kept_any_more(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(archive, deleting_key(BACKUP_ID))
    before = keys(archive)

    assert keep(tmp_path, "--target", "full") == 1

    error, hint = capsys.readouterr().err.splitlines()
    assert error.endswith(f"error: a deletion of backup {BACKUP_ID} has begun")
    assert deleting_key(BACKUP_ID) in hint
    assert keys(archive) == before


def test_what_kept_it_before_is_there_again_when_a_change_is_withdrawn(
    archive: Storage, tmp_path: Path
) -> None:
    put(archive, KEEP, b"full")
    put(archive, deleting_key(BACKUP_ID))

    assert keep(tmp_path, "--target", "standalone") == 1
    assert get(archive, KEEP) == b"full"


@pytest.mark.parametrize(
    "options", [[], ["-r", "-s"], ["-s", "--target", "full"], ["--target", "half"]]
)
def test_exactly_one_thing_is_asked_for(
    archive: Storage, tmp_path: Path, options: list[str]
) -> None:
    before = keys(archive)

    assert keep(tmp_path, *options) == 3
    assert keys(archive) == before


def test_the_archive_can_be_tried(archive: Storage, tmp_path: Path) -> None:
    assert keep(tmp_path, "--test", "--target", "full") == 0
    assert KEEP not in keys(archive)
