import json
import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from cloudhoard.commands import backup_delete, backup_list
from cloudhoard.domain.archive_layout import (
    IDENTITY_KEY,
    backup_info_key,
    backup_prefix,
    deleting_key,
    keep_key,
    started_key,
    wal_key,
)
from cloudhoard.domain.backup_info import BackupStatus
from cloudhoard.domain.lsn import Lsn
from cloudhoard.storage.protocol import Storage
from tests.support.catalogs import SEGMENT_SIZE, id_at, segment
from tests.support.local_archive import open_archive
from tests.support.made_up_backups import (
    made_up_info,
    made_up_marker,
    put_identity,
    put_info,
)
from tests.support.stores import keys, put

LONG_AGO: Final = timedelta(days=30)


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    storage = open_archive(tmp_path)
    put_identity(storage)
    return storage


def aged(tmp_path: Path, prefix: str, age: timedelta = LONG_AGO) -> None:
    """Have what lies below prefix stored so long ago."""
    then = (datetime.now(UTC) - age).timestamp()
    for path in (tmp_path / "main" / prefix).rglob("*"):
        os.utime(path, (then, then))


def store_wal(storage: Storage, tmp_path: Path, names: Iterable[str]) -> None:
    for name in names:
        put(storage, wal_key(name) + ".zst")
    aged(tmp_path, "wals")


def store_backup(
    storage: Storage, days: float, begin: int, *, timeline: int = 1, **changes: Any
) -> str:
    """Store a complete backup, days old, with one volume; return its id."""
    stopped_at = datetime.now(UTC) - timedelta(days=days)
    backup_id = id_at(stopped_at)
    info = made_up_info(
        backup_id,
        begin_wal=segment(begin, timeline),
        begin_xlog=Lsn(begin * SEGMENT_SIZE + 40),
        end_wal=segment(begin, timeline),
        end_xlog=Lsn(begin * SEGMENT_SIZE + 256),
        timeline=timeline,
        begin_time=stopped_at - timedelta(minutes=1),
        end_time=stopped_at,
    )
    put(storage, started_key(backup_id), made_up_marker(backup_id).to_json())
    put(storage, f"{backup_prefix(backup_id)}volume.data.tar.zst.enc", b"volume")
    put(storage, f"{backup_prefix(backup_id)}backup_manifest.zst.enc", b"manifest")
    put(storage, f"{backup_prefix(backup_id)}volumes.json.zst", b"volumes")
    put_info(storage, replace(info, **changes), backup_id)
    return backup_id


def delete(tmp_path: Path, *options: str) -> int:
    return backup_delete.main([*options, f"file://{tmp_path}", "main"])


def deleted_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> Any:
    capsys.readouterr()
    assert delete(tmp_path, "--format", "json", *options) == 0
    return json.loads(capsys.readouterr().out)


def backups_in(storage: Storage) -> set[str]:
    return {key.split("/")[1] for key in keys(storage, "base/")}


def wal_in(storage: Storage) -> list[str]:
    return [
        key.rpartition("/")[2].removesuffix(".zst") for key in keys(storage, "wals/")
    ]


@pytest.mark.parametrize("options", [["-r", "REDUNDANCY 2"], ["-b", "oldest"]])
def test_a_backup_goes_whole_and_with_it_the_wal_that_only_it_needed(
    archive: Storage,
    tmp_path: Path,
    options: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, middle, new = (store_backup(archive, 9 - 2 * n, 3 * n + 2) for n in range(3))
    store_wal(archive, tmp_path, (segment(number) for number in range(12)))

    assert delete(tmp_path, *options) == 0

    assert capsys.readouterr() == ("", "")
    assert backups_in(archive) == {middle, new}
    assert old not in str(keys(archive))
    assert wal_in(archive) == [segment(number) for number in range(5, 12)]
    assert keys(archive, "cloudhoard/") == [IDENTITY_KEY]


def test_nothing_to_do_writes_nothing(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_backup(archive, 3, 20)
    store_wal(archive, tmp_path, (segment(number) for number in range(3)))
    before = {path: path.stat().st_ctime_ns for path in tmp_path.rglob("*")}

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert delete(tmp_path, "-r", "RECOVERY WINDOW OF 1 DAY") == 0

    assert {path: path.stat().st_ctime_ns for path in tmp_path.rglob("*")} == before
    assert capsys.readouterr() == ("", "")


def test_a_dry_run_changes_nothing_and_tells_what_the_true_one_then_does(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = store_backup(archive, 9, 2), store_backup(archive, 5, 4, timeline=2)
    store_wal(archive, tmp_path, [segment(1), segment(3), segment(3) + ".partial"])
    store_wal(archive, tmp_path, [segment(n, 2) for n in range(3, 6)])
    before = keys(archive)
    policy = ("-r", "REDUNDANCY 1")

    dry = deleted_json(tmp_path, capsys, "--dry-run", *policy)
    assert keys(archive) == before
    assert delete(tmp_path, "--dry-run", *policy) == 0
    lines = capsys.readouterr().out.splitlines()
    true = deleted_json(tmp_path, capsys, *policy)

    assert dry.pop("dry_run") is True
    assert true.pop("dry_run") is False
    assert dry == true
    assert [each["backup_id"] for each in true["backups"]] == [old]
    assert true["backups"][0]["reason"] == "obsolete"
    assert true["backups"][0]["objects"] == 5
    assert true["wal"] == [
        {
            "timeline": 1,
            "first": segment(1),
            "last": segment(3),
            "objects": 3,
            "bytes": 21,
        },
        {
            "timeline": 2,
            "first": segment(3, 2),
            "last": segment(3, 2),
            "objects": 1,
            "bytes": 7,
        },
    ]
    assert true["remaining"] == [
        {"backup_id": new, "state": "DONE", "verdict": "valid"}
    ]
    assert true["wal_kept_because"] == []
    assert [line.rpartition(":")[0] for line in lines] == [
        f"would delete backup {old} (obsolete)",
        f"would delete WAL from {segment(1)} to {segment(3)}",
        f"would delete WAL from {segment(3, 2)} to {segment(3, 2)}",
    ]
    assert len(before) - len(keys(archive)) == 5 + 4


def test_a_dry_run_with_nothing_to_delete_says_so(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_backup(archive, 3, 2)

    assert delete(tmp_path, "--dry-run", "-r", "REDUNDANCY 1") == 0
    assert capsys.readouterr().out == "nothing to delete\n"


def test_what_is_not_wal_and_history_files_stay(
    archive: Storage, tmp_path: Path
) -> None:
    store_backup(archive, 9, 200)
    store_backup(archive, 5, 300)
    foreign = [
        "wals/readme.txt",
        "wals/0000000100000000/notes.zst",
        f"wals/0000000100000000/{segment(1)}.bak",
        f"wals/0000000200000000/{segment(1)}.zst",
        "wals/00000001.history",
        "wals/00000007.history.zst.enc",
        "somewhere/else",
    ]
    for key in foreign:
        put(archive, key)
    aged(tmp_path, "wals")

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert set(foreign) <= set(keys(archive))


def test_every_variant_of_a_segment_goes(archive: Storage, tmp_path: Path) -> None:
    store_backup(archive, 9, 2)
    store_backup(archive, 5, 4)
    for suffix in ("", ".gz", ".bz2", ".xz", ".snappy", ".zst", ".lz4", ".zst.enc"):
        for number in (3, 4):
            put(archive, wal_key(segment(number)) + suffix)
    label = f"{segment(3)}.00000028.backup.gz"
    tagged = f"cloudhoard/partial/{segment(3)}.partial.0123456789abcdef.zst"
    needed = f"cloudhoard/partial/{segment(4)}.partial.0123456789abcdef.zst"
    for key in (wal_key(label), tagged, needed):
        put(archive, key)
    aged(tmp_path, "wals")
    aged(tmp_path, "cloudhoard")

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0

    left = keys(archive, "wals/")
    assert len(left) == 8
    assert all(segment(4) in key for key in left)
    assert keys(archive, "cloudhoard/partial/") == [needed]


def test_wal_stored_since_the_run_began_stays(archive: Storage, tmp_path: Path) -> None:
    """It may be of a backup that began since the run looked."""
    store_backup(archive, 9, 2)
    store_backup(archive, 5, 300)
    store_wal(archive, tmp_path, [segment(5)])
    put(archive, wal_key(segment(6)))
    aged(tmp_path, "wals/0000000100000000", timedelta(days=1))
    new = tmp_path / "main" / wal_key(segment(6))
    later = (datetime.now(UTC) + timedelta(minutes=1)).timestamp()
    os.utime(new, (later, later))

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert wal_in(archive) == [segment(6)]


def test_a_kept_backup_stays_with_its_wal(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    standalone, full = store_backup(archive, 20, 2), store_backup(archive, 15, 5)
    gone, new = store_backup(archive, 10, 7), store_backup(archive, 5, 9)
    put(archive, keep_key(standalone), b"standalone")
    put(archive, keep_key(full), b"full")
    store_wal(archive, tmp_path, (segment(number) for number in range(12)))

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0

    assert backups_in(archive) == {standalone, full, new}
    assert wal_in(archive) == [segment(n) for n in (2, *range(5, 12))]
    assert delete(tmp_path, "-b", full) == 1
    assert f"backup {full} is kept (full)" in capsys.readouterr().err
    assert gone not in backups_in(archive)


def test_by_id_a_standalone_backup_holds_all_wal_from_it_on(
    archive: Storage, tmp_path: Path
) -> None:
    """Without a policy nobody has said that what lies behind it is not wanted."""
    standalone, gone = store_backup(archive, 20, 2), store_backup(archive, 10, 7)
    put(archive, keep_key(standalone), b"standalone")
    store_backup(archive, 5, 9)
    store_wal(archive, tmp_path, (segment(number) for number in range(12)))

    assert delete(tmp_path, "-b", gone) == 0
    assert wal_in(archive) == [segment(number) for number in range(2, 12)]


def test_the_last_backup_goes_if_it_is_asked_for_and_its_wal_stays(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = store_backup(archive, 5, 2)
    store_wal(archive, tmp_path, (segment(number) for number in range(4)))

    assert delete(tmp_path, "-m", "1", "-b", only) == 1
    assert "fewer than --minimum-redundancy 1" in capsys.readouterr().err
    assert delete(tmp_path, "-r", "REDUNDANCY 0") == 0
    assert "REDUNDANCY 0 is taken for 1" in capsys.readouterr().err
    assert backups_in(archive) == {only}

    assert delete(tmp_path, "-b", only) == 0
    assert "no WAL is deleted: no complete backup is left" in capsys.readouterr().err
    assert backups_in(archive) == set()
    assert wal_in(archive) == [segment(number) for number in range(4)]


def test_failed_backups_are_no_redundancy_and_go_by_id_only(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = store_backup(archive, 9, 2)
    bad = store_backup(archive, 3, 4, status=BackupStatus.FAILED, error="broken")

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert delete(tmp_path, "-r", "RECOVERY WINDOW OF 1 DAY") == 0
    assert delete(tmp_path, "-m", "1", "-b", good) == 1
    assert backups_in(archive) == {good, bad}

    assert delete(tmp_path, "-m", "1", "-b", bad) == 0
    assert backups_in(archive) == {good}
    assert capsys.readouterr().out == ""


def test_a_backup_that_may_be_running_is_not_touched(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_backup(archive, 9, 2)
    new = store_backup(archive, 5, 100)
    running = id_at(datetime.now(UTC) - timedelta(hours=30))
    marker = made_up_marker(running, first_wal=segment(50))
    put(archive, started_key(running), marker.to_json())
    put(archive, f"base/{running}/data.tar.zst")
    store_wal(archive, tmp_path, [segment(49), segment(50), segment(99)])

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert backups_in(archive) == {new, running}
    assert wal_in(archive) == [segment(50), segment(99)]
    assert delete(tmp_path, "-b", running) == 1
    assert f"backup {running} may still be running" in capsys.readouterr().err

    # Nothing stored for a day: it died, and the operator may say so.
    aged(tmp_path, f"base/{running}", timedelta(hours=25))
    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert backups_in(archive) == {new, running}
    assert delete(tmp_path, "-b", running) == 0
    assert backups_in(archive) == {new}


def test_an_unreadable_backup_blocks_no_backup_but_all_wal(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_backup(archive, 9, 2)
    new = store_backup(archive, 5, 100)
    put(archive, backup_info_key("20200101T000000"), b"no info")
    store_wal(archive, tmp_path, [segment(1)])

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0

    assert backups_in(archive) == {new, "20200101T000000"}
    assert wal_in(archive) == [segment(1)]
    err = capsys.readouterr().err
    assert "no WAL is deleted: backup 20200101T000000: " in err

    assert delete(tmp_path, "-b", "20200101T000000") == 0
    assert backups_in(archive) == {new}
    assert wal_in(archive) == []


def test_the_only_way_to_the_newest_timeline_stays(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    way, abandoned = store_backup(archive, 9, 2), store_backup(archive, 5, 100)
    store_wal(archive, tmp_path, [segment(2), segment(50), segment(100)])
    store_wal(archive, tmp_path, ["00000002.history", segment(50, 2), segment(51, 2)])
    before = keys(archive)

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0

    assert keys(archive) == before
    err = capsys.readouterr().err
    assert f"backup {way} stays although it is obsolete" in err

    store_backup(archive, 1, 52, timeline=2)
    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert backups_in(archive).isdisjoint({way, abandoned})
    assert wal_in(archive) == ["00000002.history"]


def test_nothing_is_obsolete_until_a_new_timeline_shows_where_it_begins(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recovered a moment ago: only the history of the new timeline is there."""
    way, abandoned = store_backup(archive, 9, 2), store_backup(archive, 5, 100)
    store_wal(archive, tmp_path, [segment(2), segment(50), segment(100)])
    put(archive, "wals/00000002.history.zst")
    before = keys(archive)

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert keys(archive) == before
    assert "timeline 2 has begun" in capsys.readouterr().err

    # One that nobody has continued for a week is of no cluster that runs.
    aged(tmp_path, "wals", timedelta(days=8))
    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert backups_in(archive) == {abandoned}
    assert way not in capsys.readouterr().err


def test_finishing_a_deletion_leaves_the_only_way_to_the_newest_timeline(
    archive: Storage, tmp_path: Path
) -> None:
    """It is kept standalone, and no other backup is obsolete."""
    gone, way = store_backup(archive, 12, 1), store_backup(archive, 9, 2)
    put(archive, keep_key(way), b"standalone")
    store_backup(archive, 5, 100)
    archive.delete_objects([backup_info_key(gone), started_key(gone)])
    put(archive, deleting_key(gone))
    store_wal(archive, tmp_path, [segment(1), segment(2), segment(49), segment(100)])
    store_wal(archive, tmp_path, ["00000002.history", segment(50, 2), segment(51, 2)])
    before = wal_in(archive)

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0

    assert gone not in backups_in(archive)
    assert wal_in(archive) == [name for name in before if name != segment(1)]


def test_an_id_that_is_not_there_is_a_warning_a_name_an_error(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_backup(archive, 9, 2)
    before = keys(archive)

    assert delete(tmp_path, "-b", "20200101T000000") == 0
    assert capsys.readouterr().err == (
        "cloudhoard-backup-delete: warning: there is no backup 20200101T000000\n"
    )
    assert delete(tmp_path, "-b", "weekly") == 1
    assert keys(archive) == before


def test_what_others_have_put_beside_a_backup_stays_and_is_named(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = store_backup(archive, 9, 2)
    store_backup(archive, 5, 4)
    put(archive, f"base/{old}/notes.txt")

    assert delete(tmp_path, "-b", old) == 0
    assert keys(archive, f"base/{old}/") == [f"base/{old}/notes.txt"]
    assert f"base/{old}/notes.txt is not a part of the backup" in (
        capsys.readouterr().err
    )


def test_barmans_backups_go_as_ours_do(archive: Storage, tmp_path: Path) -> None:
    old = store_backup(archive, 9, 2, cloudhoard=None)
    new = store_backup(archive, 5, 4, cloudhoard=None)
    for backup_id in (old, new):
        archive.delete_objects([started_key(backup_id)])
        put(archive, f"base/{backup_id}/data.tar.gz")
        put(archive, f"base/{backup_id}/data_0001.tar.gz")
        put(archive, f"base/{backup_id}/16384.tar.gz")

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert backups_in(archive) == {new}


def test_an_interrupted_deletion_is_finished_with_its_wal(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = store_backup(archive, 9, 2), store_backup(archive, 5, 4)
    archive.delete_objects([backup_info_key(old), started_key(old)])
    put(archive, deleting_key(old))
    store_wal(archive, tmp_path, [segment(3), segment(4)])

    answer = deleted_json(tmp_path, capsys, "-r", "REDUNDANCY 1")

    assert answer["backups"][0]["backup_id"] == old
    assert answer["backups"][0]["reason"] == "interrupted deletion"
    assert backups_in(archive) == {new}
    assert wal_in(archive) == [segment(4)]


def test_a_marker_beside_a_whole_backup_means_nothing_and_goes_when_it_is_old(
    archive: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup_id = store_backup(archive, 5, 4)
    before = keys(archive)
    put(archive, deleting_key(backup_id))

    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert deleting_key(backup_id) in keys(archive), "another run may be at it"

    aged(tmp_path, f"base/{backup_id}", timedelta(hours=2))
    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 0
    assert keys(archive) == before
    assert backup_list.main([f"file://{tmp_path}", "main"]) == 0
    assert f"{backup_id}  " in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-b", "latest", "-r", "REDUNDANCY 1"],
        ["-r", "main"],
        ["-r", "REDUNDANCY 1", "-m", "-1"],
        ["-r", "REDUNDANCY 1", "--batch-size", "x"],
        ["-r", "REDUNDANCY 1", "--check-object-lock"],
        ["-b", "auto"],
    ],
)
def test_a_wrong_command_line_touches_nothing(
    archive: Storage,
    tmp_path: Path,
    options: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_backup(archive, 9, 2)
    store_backup(archive, 5, 4)
    before = keys(archive)

    assert delete(tmp_path, *options) == 3
    assert keys(archive) == before
    assert capsys.readouterr().err.startswith("cloudhoard-backup-delete: error: ")


@pytest.mark.parametrize("size", ["0", "1", "2", "100000"])
def test_objects_are_deleted_in_batches(
    archive: Storage, tmp_path: Path, size: str
) -> None:
    store_backup(archive, 9, 2)
    new = store_backup(archive, 5, 4)
    store_wal(archive, tmp_path, [segment(1), segment(2), segment(3), segment(4)])

    assert delete(tmp_path, "-r", "REDUNDANCY 1", "--batch-size", size) == 0
    assert backups_in(archive) == {new}
    assert wal_in(archive) == [segment(4)]


def test_the_archive_can_be_tried(archive: Storage, tmp_path: Path) -> None:
    store_backup(archive, 9, 2)
    store_backup(archive, 5, 4)
    before = keys(archive)

    assert delete(tmp_path, "-t", "-r", "REDUNDANCY 1") == 0
    assert keys(archive) == before


def test_an_archive_that_is_not_mounted_is_unreachable(tmp_path: Path) -> None:
    assert delete(tmp_path / "missing", "-r", "REDUNDANCY 1") == 2
    assert delete(tmp_path, "-r", "REDUNDANCY 1") == 2
