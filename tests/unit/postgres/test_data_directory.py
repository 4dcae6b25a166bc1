import os
import socket
from pathlib import Path

import pytest

from cloudhoard.postgres.data_directory import (
    SourceEntry,
    TablespaceDirectory,
    walk_data_directory,
    walk_tablespace,
)
from cloudhoard.postgres.errors import UnreadableFile

VERSION = "PG_15_202209061"


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(entries: object) -> list[str]:
    assert hasattr(entries, "__iter__")
    found = [entry for entry in entries if isinstance(entry, SourceEntry)]
    return [os.fsdecode(entry.name) + "/" * entry.is_directory for entry in found]


def test_files_and_directories_come_sorted_each_directory_first(tmp_path: Path) -> None:
    put(tmp_path / "PG_VERSION")
    put(tmp_path / "base/5/1259")
    put(tmp_path / "base/5/1247")

    assert names(walk_data_directory(tmp_path)) == [
        "PG_VERSION",
        "base/",
        "base/5/",
        "base/5/1247",
        "base/5/1259",
    ]


def test_what_is_stored_otherwise_is_not_yielded(tmp_path: Path) -> None:
    put(tmp_path / "pg_wal/000000010000000000000001")
    put(tmp_path / "global/pg_control")
    put(tmp_path / "global/1260")
    put(tmp_path / "sub/pg_control")
    (tmp_path / "pg_tblspc").mkdir()

    assert names(walk_data_directory(tmp_path)) == [
        "global/",
        "global/1260",
        "sub/",
        "sub/pg_control",
    ]


def test_excluded_directories_stay_but_nothing_in_them_at_any_depth(
    tmp_path: Path,
) -> None:
    # barman leaves out one level only; a slot that came back stopped the server.
    put(tmp_path / "pg_replslot/slot/state")
    put(tmp_path / "pg_replslot/slot/deep/er")
    put(tmp_path / "pgsql_tmp/a/b")

    assert names(walk_data_directory(tmp_path)) == ["pg_replslot/"]


def test_directory_that_is_named_as_emptied_stays_empty(tmp_path: Path) -> None:
    put(tmp_path / "my_stats/global.tmp")

    entries = walk_data_directory(tmp_path, emptied=[tmp_path / "my_stats"])

    assert names(entries) == ["my_stats/"]


def test_unlogged_relations_leave_their_init_fork_only(tmp_path: Path) -> None:
    for name in ("1", "1_init", "1_fsm", "1.1", "2", "2_fsm", "t4_7", "t4_7_vm"):
        put(tmp_path / "base/5" / name)

    found = names(walk_data_directory(tmp_path))

    assert found[2:] == ["base/5/1_init", "base/5/2", "base/5/2_fsm"]


def test_names_like_relations_elsewhere_are_files_as_any_other(tmp_path: Path) -> None:
    for name in ("1", "1_init", "t4_7"):
        put(tmp_path / "notes" / name)

    found = names(walk_data_directory(tmp_path))

    assert found[1:] == ["notes/1", "notes/1_init", "notes/t4_7"]


def test_big_files_of_a_database_come_first(tmp_path: Path) -> None:
    for name, size in (("1", 10), ("2", 33 << 20), ("3", 0), ("4", 40 << 20)):
        with put(tmp_path / "base/5" / name).open("wb") as file:
            file.truncate(size)

    found = names(walk_data_directory(tmp_path))

    assert found[2:] == ["base/5/4", "base/5/2", "base/5/1", "base/5/3"]


def test_linked_directory_counts_as_a_directory(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere/a")
    data = tmp_path / "data"
    data.mkdir()
    (data / "log").symlink_to(tmp_path / "elsewhere")

    entries = list(walk_data_directory(data))

    assert names(entries) == ["log/", "log/a"]


def test_linked_file_counts_as_a_file(tmp_path: Path) -> None:
    put(tmp_path / "etc/server.key", b"secret")
    data = tmp_path / "data"
    data.mkdir()
    (data / "server.key").symlink_to(tmp_path / "etc/server.key")

    (entry,) = walk_data_directory(data)

    assert entry.status.st_size == 6


def test_link_to_nothing_and_link_upwards_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "self").symlink_to(".")

    assert names(walk_data_directory(tmp_path)) == []


def test_linked_data_directory_is_walked_like_any(tmp_path: Path) -> None:
    put(tmp_path / "real/PG_VERSION")
    (tmp_path / "data").symlink_to("real")

    assert names(walk_data_directory(tmp_path / "data")) == ["PG_VERSION"]


def test_sockets_and_pipes_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / ".s.PGSQL.5432"))

        assert names(walk_data_directory(tmp_path)) == []


def test_tablespace_inside_the_data_directory_is_not_stored_twice(
    tmp_path: Path,
) -> None:
    put(tmp_path / "inside" / VERSION / "5/16385")
    (tmp_path / "pg_tblspc").mkdir()
    (tmp_path / "pg_tblspc/16384").symlink_to(tmp_path / "inside")
    tablespace = TablespaceDirectory(16384, VERSION)

    assert names(walk_data_directory(tmp_path, tablespaces=[tablespace])) == ["inside/"]
    assert names(walk_tablespace(tmp_path, tablespace)) == [
        f"{VERSION}/",
        f"{VERSION}/5/",
        f"{VERSION}/5/16385",
    ]


def test_tablespace_holds_its_own_version_only(tmp_path: Path) -> None:
    put(tmp_path / "pg_tblspc/16384/PG_14_202107181/5/1")
    put(tmp_path / "pg_tblspc/16384" / VERSION / "5/2")

    entries = list(walk_tablespace(tmp_path, TablespaceDirectory(16384, VERSION)))

    assert names(entries)[-1] == f"{VERSION}/5/2"
    assert {entry.item for entry in entries} == {"16384"}
    assert len(entries) == 3


def test_in_place_tablespace_belongs_to_the_data_directory(tmp_path: Path) -> None:
    put(tmp_path / "pg_tblspc/16384" / VERSION / "5/1")
    put(tmp_path / "pg_tblspc/16384" / VERSION / "5/1_init")

    assert names(walk_data_directory(tmp_path)) == [
        "pg_tblspc/16384/",
        f"pg_tblspc/16384/{VERSION}/",
        f"pg_tblspc/16384/{VERSION}/5/",
        f"pg_tblspc/16384/{VERSION}/5/1_init",
    ]


def test_tablespace_dropped_meanwhile_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "pg_tblspc").mkdir()

    assert names(walk_tablespace(tmp_path, TablespaceDirectory(16384, VERSION))) == []


def test_tablespace_whose_link_leads_nowhere_is_fatal(tmp_path: Path) -> None:
    (tmp_path / "pg_tblspc").mkdir()
    (tmp_path / "pg_tblspc/16384").symlink_to(tmp_path / "unmounted")

    with pytest.raises(UnreadableFile, match="pg_tblspc/16384"):
        list(walk_tablespace(tmp_path, TablespaceDirectory(16384, VERSION)))


def test_files_that_vanish_while_the_walk_goes_on_are_passed_over(
    tmp_path: Path,
) -> None:
    for name in ("a", "b", "c"):
        put(tmp_path / name / "file")
    walk = walk_data_directory(tmp_path)

    first = next(walk)
    (tmp_path / "a/file").unlink()
    (tmp_path / "b/file").unlink()
    (tmp_path / "b").rmdir()

    assert [names([first]), names(walk)] == [["a/"], ["c/", "c/file"]]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_closed_directory_is_fatal(tmp_path: Path) -> None:
    put(tmp_path / "base/5/1")
    (tmp_path / "base").chmod(0)

    with pytest.raises(UnreadableFile, match="base: Permission denied"):
        list(walk_data_directory(tmp_path))


def test_what_cannot_be_looked_at_is_fatal(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    with pytest.raises(UnreadableFile, match="loop: Too many levels"):
        list(walk_data_directory(tmp_path))


def test_file_name_in_no_encoding_is_taken_as_it_is(tmp_path: Path) -> None:
    put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")))

    (entry,) = walk_data_directory(tmp_path)

    assert entry.name == b"\xff\xfe"
