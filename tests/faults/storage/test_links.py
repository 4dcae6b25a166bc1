"""Names in a directory that lead elsewhere, modes, and what others put there."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudhoard.storage.errors import (
    ContainerNotFound,
    ObjectExists,
    StorageUnavailable,
)
from tests.support.local_archive import (
    IDENTITY,
    NEIGHBOUR,
    WAL,
    command,
    open_archive,
)
from tests.support.stores import get, keys, put


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    directory = tmp_path / "elsewhere"
    (directory / "0000000100000000").mkdir(parents=True)
    (directory / "secret").write_bytes(b"secret")
    return directory


@pytest.mark.parametrize("linked", ["main", "main/wals", "main/wals/0000000100000000"])
def test_linked_directory_is_not_followed(
    container: Path, elsewhere: Path, linked: str
) -> None:
    archive = open_archive(container)
    if linked == "main":
        (container / "main").rename(elsewhere / "main")
        (container / "main").symlink_to(elsewhere / "main")
    else:
        (container / linked).parent.mkdir(exist_ok=True)
        (container / linked).symlink_to(elsewhere)

    for refused in (
        lambda: archive.stat(WAL),
        lambda: get(archive, WAL),
        lambda: put(archive, WAL),
        lambda: keys(archive, "wals/"),
        lambda: keys(archive, "wals/", start_after="wals/0000000100000000/1"),
        lambda: keys(archive, start_after=WAL),
        lambda: archive.delete_objects([WAL]),
    ):
        with pytest.raises(StorageUnavailable, match="symbolic link") as caught:
            refused()
        assert caught.value.hint is not None
    assert (elsewhere / "secret").read_bytes() == b"secret"
    assert list((elsewhere / "0000000100000000").iterdir()) == []


def _link(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere / "secret")


def _dangling_link(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere / "nothing")


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [_link, _dangling_link, _fifo])
def test_thing_that_is_no_file_is_neither_read_nor_called_absent(
    container: Path, elsewhere: Path, make: Callable[[Path, Path], None]
) -> None:
    archive = open_archive(container)
    put(archive, WAL.replace("1.zst", "0.zst"))
    make(container / "main" / WAL, elsewhere)

    for refused in (
        lambda: archive.stat(WAL),
        lambda: get(archive, WAL),
        lambda: keys(archive),
        lambda: keys(archive, WAL[:-4]),
        lambda: keys(archive, "wals/", start_after=WAL[:-4]),
    ):
        with pytest.raises(StorageUnavailable):
            refused()
    with pytest.raises((StorageUnavailable, ObjectExists)):
        put(archive, WAL)
    assert (elsewhere / "secret").read_bytes() == b"secret"


def test_link_as_a_temporary_name_is_not_followed_by_the_sweep(
    container: Path, elsewhere: Path
) -> None:
    archive = open_archive(container)
    put(archive, WAL)
    link = (container / "main" / WAL).parent / f".x~{'0' * 16}"
    link.symlink_to(elsewhere / "secret")

    put(archive, NEIGHBOUR)

    assert (elsewhere / "secret").read_bytes() == b"secret"


def test_container_itself_may_be_a_link(container: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(container)

    assert keys(open_archive(tmp_path / "link")) == [IDENTITY]


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    container = tmp_path / "container"
    container.mkdir()
    put_identity = command(container, "put", IDENTITY, 10)
    subprocess.run(put_identity, umask=umask, check=True, timeout=60)

    modes = {
        path.name: oct(path.stat().st_mode & 0o7777)
        for path in (container / "main").rglob("*")
    }
    assert modes == {"cloudhoard": "0o700", "archive.json": "0o600"}
    assert (container / "main").stat().st_mode & 0o7777 == 0o700


def test_foreign_files_are_skipped_in_listings(
    container: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = open_archive(container)
    put(archive, WAL)
    main = container / "main"
    for name in ("lost+found", ".snapshot", "wals/.nfs0001", "wals/a file"):
        (main / name).mkdir()
        (main / name / "inside").touch()
    (main / "wals" / "wal~").touch()
    (main / os.fsdecode(b"wals/\xff")).touch()

    assert keys(archive) == [IDENTITY, WAL]
    assert len([r for r in caplog.records if "not ours" in r.message]) == 4


def test_missing_container_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ContainerNotFound, match="no directory") as caught:
        open_archive(tmp_path / "missing").check_access()

    assert caught.value.hint is not None
    assert "mkdir" in caught.value.hint
