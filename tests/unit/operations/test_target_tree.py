import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudhoard.errors import DamagedError
from cloudhoard.operations.target_tree import TargetTree, TreeWriter


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "top").mkdir()
    (tmp_path / "outside").mkdir()
    return tmp_path / "top"


@pytest.fixture
def tree(top: Path) -> Iterator[TargetTree]:
    with TargetTree(top) as tree:
        yield tree


def test_files_and_directories_are_private_to_the_owner(
    top: Path, tree: TargetTree
) -> None:
    with TreeWriter(tree) as writer:
        os.close(writer.create_file((b"a", b"b", b"file")))
        writer.make_directory((b"c",))

    modes = {
        str(path.relative_to(top)): stat.S_IMODE(path.stat().st_mode)
        for path in top.rglob("*")
    }
    assert modes == {"a": 0o700, "a/b": 0o700, "a/b/file": 0o600, "c": 0o700}


@pytest.mark.parametrize("link_to", ["../outside", "b", "."])
def test_link_in_the_way_is_not_followed(
    top: Path, tree: TargetTree, link_to: str
) -> None:
    (top / "a").symlink_to(link_to)

    with TreeWriter(tree) as writer:
        with pytest.raises(DamagedError, match="'a' is not a directory"):
            writer.create_file((b"a", b"file"))
        with pytest.raises(DamagedError, match="'a' is twice in the backup"):
            writer.create_file((b"a",))
        with pytest.raises(DamagedError, match="'a' is not a directory"):
            writer.make_directory((b"a",))

    assert list((top.parent / "outside").iterdir()) == []


def test_link_that_appears_after_the_directory_was_used_is_not_followed(
    top: Path, tree: TargetTree
) -> None:
    with TreeWriter(tree) as writer:
        os.close(writer.create_file((b"a", b"one")))
        os.close(writer.create_file((b"b", b"one")))
        (top / "a").rename(top / "moved")
        (top / "a").symlink_to(top.parent / "outside")

        with pytest.raises(DamagedError):
            writer.create_file((b"a", b"two"))

    assert list((top.parent / "outside").iterdir()) == []


def test_file_that_is_there_is_never_opened_again(top: Path, tree: TargetTree) -> None:
    (top / "a").write_bytes(b"mine")

    with TreeWriter(tree) as writer, pytest.raises(DamagedError):
        writer.create_file((b"a",))

    assert (top / "a").read_bytes() == b"mine"


def test_writers_share_the_directories_they_make(top: Path, tree: TargetTree) -> None:
    with TreeWriter(tree) as one, TreeWriter(tree) as other:
        os.close(one.create_file((b"d", b"one")))
        os.close(other.create_file((b"d", b"two")))
        one.fsync_files([(b"d", b"one"), (b"d", b"two")])
    tree.fsync_directories()

    assert sorted(path.name for path in (top / "d").iterdir()) == ["one", "two"]


def test_no_descriptor_is_left_open(top: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - they are no files

    (top / "file").touch()
    with TargetTree(top) as tree, TreeWriter(tree) as writer:
        os.close(writer.create_file((b"d", b"one")))
        with pytest.raises(DamagedError):
            writer.create_file((b"file", b"below"))
        tree.fsync_directories()

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
