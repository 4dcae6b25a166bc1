import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.restored_path import check_data_path, shown_path, split_path
from cloudhoard.errors import InvalidFormat


@pytest.mark.parametrize(
    ("path", "components"),
    [
        (b"PG_VERSION", (b"PG_VERSION",)),
        (b"base/5/1259", (b"base", b"5", b"1259")),
        (b"odd \n\xff/..x/.y", (b"odd \n\xff", b"..x", b".y")),
    ],
)
def test_plain_path_is_split(path: bytes, components: tuple[bytes, ...]) -> None:
    assert split_path(path) == components


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b".",
        b"..",
        b"/",
        b"/etc/passwd",
        b"../x",
        b"a/../../x",
        b"a/..",
        b"a//b",
        b"a/./b",
        b"a/",
        b"a\0b",
        b"x" * 256,
        b"/".join([b"x" * 200] * 21),
        b"/".join([b"x"] * 257),
    ],
)
def test_any_other_path_is_refused(path: bytes) -> None:
    with pytest.raises(InvalidFormat, match="is not a path inside a directory"):
        split_path(path)


@given(st.binary(max_size=300))
def test_what_is_split_can_only_lead_downwards(path: bytes) -> None:
    try:
        components = split_path(path)
    except InvalidFormat:
        return

    assert b"/".join(components) == path
    assert not path.startswith(b"/")
    assert not {b"", b".", b".."} & set(components)


@pytest.mark.parametrize(
    "path",
    [
        b"backup_manifest",
        b"backup_manifest.cloudhoard-tmp",
        b"cloudhoard.restored",
        b"cloudhoard.restored/x",
        b"cloudhoard.restoring",
        b"recovery.signal",
        b"standby.signal",
        b"postmaster.pid",
        b"global/pg_control.cloudhoard-tmp",
    ],
)
def test_names_that_restore_or_the_server_write_are_refused(path: bytes) -> None:
    with pytest.raises(InvalidFormat, match="cannot be part of a backup"):
        check_data_path(path)


@pytest.mark.parametrize(
    "path", [b"global/pg_control", b"backup_label", b"sub/backup_manifest"]
)
def test_other_names_are_accepted(path: bytes) -> None:
    check_data_path(path)


def test_shown_path_is_one_short_line() -> None:
    assert shown_path(b"a\nb\x1b\xff") == r"'a\nb\x1b\\xff'"
    assert len(shown_path(b"\xff" * 5000)) < 1100
