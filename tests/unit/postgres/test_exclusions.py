import pytest

from cloudhoard.domain import restored_path
from cloudhoard.postgres.exclusions import (
    init_fork_of,
    is_database_directory,
    is_emptied,
    is_left_out,
    is_temporary_relation,
)


@pytest.mark.parametrize(
    "name",
    [
        b"postmaster.pid",
        b"postmaster.opts",
        b"backup_label",
        b"tablespace_map",
        b"backup_manifest",
        b"postgresql.auto.conf.tmp",
        b"current_logfiles.tmp",
        b"pg_internal.init",
        b"pg_internal.init.4711",
        b"pgsql_tmp",
        b"pgsql_tmp4711.3",
        b".DS_Store",
    ],
)
@pytest.mark.parametrize("top", [True, False])
def test_what_pg_basebackup_leaves_out_at_any_depth(name: bytes, *, top: bool) -> None:
    assert is_left_out(name, in_top_directory=top)


@pytest.mark.parametrize(
    "name", [b"recovery.signal", b"standby.signal", b"cloudhoard.restored"]
)
def test_what_says_how_this_copy_was_started_is_left_out_at_the_top(
    name: bytes,
) -> None:
    assert is_left_out(name, in_top_directory=True)
    assert not is_left_out(name, in_top_directory=False)


@pytest.mark.parametrize(
    "name",
    [
        b"backup_label.old",
        b"postgresql.auto.conf",
        b"current_logfiles",
        b"pg_filenode.map",
        b"PG_VERSION",
        b"log",
        b"xpgsql_tmp",
    ],
)
def test_what_looks_similar_is_kept(name: bytes) -> None:
    assert not is_left_out(name, in_top_directory=True)


def test_backup_leaves_out_whatever_restore_refuses() -> None:
    # Else there were backups that cannot be restored.
    refused = set(restored_path._OURS)
    refused.add(restored_path._CONTROL_TEMPORARY.rpartition(b"/")[2])

    for name in refused:
        assert is_left_out(name, in_top_directory=True), name


def test_replication_slots_are_not_copied_into_the_backup() -> None:
    # A restored slot would hold back WAL for a subscriber that never comes.
    assert is_emptied(b"pg_replslot")
    assert not is_emptied(b"pg_logical")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"base/5", True),
        (b"PG_15_202209061/5", True),
        (b"pg_tblspc/16384/PG_15_202209061/5", True),
        (b"global", False),
        (b"base", False),
        (b"base/5x", False),
        (b"other/base/5", False),
    ],
)
def test_where_relations_lie(path: bytes, *, expected: bool) -> None:
    assert is_database_directory(path) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"t3_16384", True),
        (b"t3_16384.1", True),
        (b"t3_16384_fsm", True),
        (b"t3_16384_vm.2", True),
        (b"16384", False),
        (b"t3_", False),
        (b"t3_16384_fsmx", False),
        (b"table", False),
    ],
)
def test_temporary_relations_by_name(name: bytes, *, expected: bool) -> None:
    assert is_temporary_relation(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"16384", b"16384_init"),
        (b"16384.7", b"16384_init"),
        (b"16384_fsm", b"16384_init"),
        (b"16384_vm.1", b"16384_init"),
        (b"16384_init", None),
        (b"16384_init.1", None),
        (b"PG_VERSION", None),
        (b"12345678901", None),
    ],
)
def test_the_init_fork_that_marks_a_relation_unlogged(
    name: bytes, expected: bytes | None
) -> None:
    assert init_fork_of(name) == expected
