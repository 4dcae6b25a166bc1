from pathlib import Path
from typing import Final

import pytest

from cloudhoard.commands import check_wal_archive
from cloudhoard.domain.archive_identity import ArchiveIdentity
from cloudhoard.domain.archive_layout import IDENTITY_KEY, backup_info_key, started_key
from cloudhoard.storage.backends.local import LocalStorage
from cloudhoard.storage.protocol import Storage
from tests.support.made_up_backups import (
    BACKUP_ID,
    made_up_info,
    made_up_marker,
    put_info,
)
from tests.support.stores import put

SYSTEM: Final = 7_710_490_735_113_798_557


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    return LocalStorage(str(tmp_path), "main")


def check(tmp_path: Path, *options: str) -> int:
    return check_wal_archive.main([*options, f"file://{tmp_path}", "main"])


def put_identity(storage: Storage) -> None:
    identity = ArchiveIdentity(system_identifier=SYSTEM, segment_size=16 << 20)
    put(storage, IDENTITY_KEY, identity.to_json())


@pytest.mark.parametrize("options", [[], ["--timeline", "1"], ["--test"]])
def test_nothing_at_all_may_be_used_and_is_not_created(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path, *options) == 0
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "key",
    [
        "wals/0000000100000000/000000010000000000000001.gz",
        "wals/0000000100000000/000000010000000000000001.zst.enc",
        "wals/0000000100000000/000000010000000000000002.partial",
        "wals/0000000100000000/000000010000000000000002.00000028.backup.bz2",
        "wals/00000002.history",
        "cloudhoard/partial/000000010000000000000002.partial.0123456789abcdef.zst",
        backup_info_key(BACKUP_ID),
        started_key(BACKUP_ID),
        f"base/{BACKUP_ID}/data.tar",
        "base/no-id-but-barman-lists-it/backup.info",
    ],
)
def test_what_belongs_to_a_cluster_is_named_in_one_line(
    archive: Storage, tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(archive, "readme.txt")
    put(archive, key)

    assert check(tmp_path) == 1

    error, hint = capsys.readouterr().err.splitlines()
    location = f"file://{tmp_path}/main"
    assert error == (
        "cloudhoard-check-wal-archive: error: the archive"
        f" {location} is not empty: it has {key}"
    )
    assert "--timeline" in hint


def test_an_archive_that_only_says_whose_it_is_may_not_be_used(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_identity(archive)

    assert check(tmp_path) == 1
    assert f"belongs to the cluster with system identifier {SYSTEM}\n" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "key",
    [
        "readme.txt",
        "base/notes.txt",
        "wals/readme.txt",
        "wals/0000000100000000/0000000100000000000000ab",
        "wals/0000000100000000/000000010000000000000001.bak",
        "wals/0000000000000000/000000000000000000000001",
    ],
)
def test_what_is_nobodys_is_passed_over(
    archive: Storage, tmp_path: Path, key: str
) -> None:
    put(archive, key)

    assert check(tmp_path) == 0


def test_a_restored_cluster_may_use_what_ends_before_its_timeline(
    archive: Storage, tmp_path: Path
) -> None:
    put_identity(archive)
    put(archive, "wals/0000000100000000/000000010000000000000001")
    put(archive, "wals/0000000200000000/000000020000000000000003")
    put(archive, "wals/00000002.history")
    put_info(archive, made_up_info(timeline=2))

    assert check(tmp_path, "--timeline", "3") == 0
    assert check(tmp_path, "--timeline", "11") == 0
    assert check(tmp_path, "--timeline", "2") == 1


@pytest.mark.parametrize(
    "key",
    [
        "wals/00000003.history",
        "wals/0000000A00000000/0000000A0000000000000003.zst",
        "cloudhoard/partial/000000030000000000000002.partial.0123456789abcdef",
    ],
)
def test_a_restored_cluster_may_not_use_what_has_its_timeline(
    archive: Storage, tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put(archive, "wals/0000000100000000/000000010000000000000001")
    put(archive, key)

    assert check(tmp_path, "--timeline", "3") == 1
    assert f"has {key}, which is not before timeline 3\n" in capsys.readouterr().err


def test_backups_have_timelines_too(archive: Storage, tmp_path: Path) -> None:
    put_identity(archive)
    put_info(archive, made_up_info(timeline=4))
    marker = made_up_marker("20261122T000000", first_wal=f"{5:08X}{3:016X}")
    put(archive, started_key("20261122T000000"), marker.to_json())

    assert check(tmp_path, "--timeline", "6") == 0
    assert check(tmp_path, "--timeline", "5") == 1
    assert check(tmp_path, "--timeline", "4") == 1


def test_a_container_that_is_missing_is_unreachable_and_not_made(
    tmp_path: Path,
) -> None:
    assert check(tmp_path / "missing") == 2
    assert check(tmp_path / "missing", "--test") == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("timeline", ["0", "-1", "one"])
def test_a_timeline_is_a_positive_number(tmp_path: Path, timeline: str) -> None:
    assert check(tmp_path, "--timeline", timeline) == 3
