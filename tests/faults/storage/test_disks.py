"""Disks that are full, missing, read-only or failing under a directory."""

import errno
import os
from pathlib import Path

import pytest

from cloudhoard.storage.errors import (
    AccessDenied,
    ObjectExists,
    StorageFull,
    StorageUnavailable,
)
from tests.support.faults import (
    MIB,
    fill,
    mount_tmpfs,
    remount,
    tmpfs,
    unmount,
    with_failing_call,
)
from tests.support.local_archive import (
    IDENTITY,
    NEIGHBOUR,
    WAL,
    all_files,
    command,
    open_archive,
    run,
)
from tests.support.stores import get, keys, put


def test_full_disk_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", size=2 * MIB) as disk:
        archive = open_archive(disk)
        put(archive, IDENTITY)
        with (
            pytest.raises(StorageFull, match="no space left on device"),
            archive.open_write(WAL, at_most=8 * MIB) as sink,
        ):
            for _ in range(8):
                sink.write(bytes(MIB))

        assert keys(archive) == [IDENTITY]
        assert all_files(disk) == ["archive.json"]
        put(archive, WAL, bytes(MIB))


def test_disk_too_full_for_a_name_or_a_directory(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", size=MIB) as disk:
        archive = open_archive(disk)
        put(archive, IDENTITY)
        remount(disk, "nr_inodes=5")
        with pytest.raises(StorageFull):
            put(archive, WAL)

        assert keys(archive) == [IDENTITY]
        remount(disk, "nr_inodes=100")
        put(archive, WAL)


def test_object_of_no_bytes_on_a_disk_that_is_full(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", size=MIB) as disk:
        archive = open_archive(disk)
        put(archive, IDENTITY)
        fill(disk)
        with pytest.raises(StorageFull):
            put(archive, WAL, bytes(4096))

        assert keys(archive) == [IDENTITY]


def test_unmounted_directory_is_unavailable_and_not_empty(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with tmpfs(disk):
        archive = open_archive(disk)
        put(archive, IDENTITY)
        put(archive, WAL)

        unmount(disk)

        with pytest.raises(StorageUnavailable):
            archive.stat(WAL)
        with pytest.raises(StorageUnavailable):
            get(archive, WAL)
        with pytest.raises(StorageUnavailable):
            keys(archive, "wals/")
        with pytest.raises(StorageUnavailable):
            put(archive, WAL)
        with pytest.raises(StorageUnavailable):
            archive.delete_objects([WAL])
        assert list(disk.iterdir()) == []


def test_disk_taken_away_while_in_use_goes_on_serving_what_was_opened(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    with tmpfs(disk):
        archive = open_archive(disk)
        put(archive, IDENTITY)
        put(archive, WAL, b"content")
        listing = archive.list_objects()
        assert next(listing).key == IDENTITY

        with archive.open_read(WAL) as source:
            unmount(disk)
            assert [info.key for info in listing] == [WAL]
            assert source.read() == b"content"
        with pytest.raises(StorageUnavailable):
            archive.stat(WAL)


def test_upload_over_an_unmount_does_not_land_in_the_empty_directory(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    with tmpfs(disk):
        archive = open_archive(disk)
        put(archive, IDENTITY)
        with archive.open_write(WAL, at_most=100) as sink:
            sink.write(b"half")
            unmount(disk)
            sink.write(b"half")

        assert list(disk.iterdir()) == []


def test_other_disk_mounted_in_its_place_is_no_archive(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with tmpfs(disk):
        archive = open_archive(disk)
        put(archive, IDENTITY)
        mount_tmpfs(disk)
        (disk / "main").mkdir()

        with pytest.raises(StorageUnavailable):
            archive.stat(WAL)


def test_disk_mounted_inside_the_archive_is_refused(
    container: Path,
) -> None:
    # While it was not mounted the archive would have an empty directory, with all
    # witnesses in place.
    archive = open_archive(container)
    put(archive, WAL)
    with tmpfs(container / "main" / "wals"):
        with pytest.raises(StorageUnavailable, match="a file system of its own"):
            archive.stat(WAL)
        with pytest.raises(StorageUnavailable, match="a file system of its own"):
            keys(archive, "wals/")
        with pytest.raises(StorageUnavailable, match="a file system of its own"):
            put(archive, WAL)


def test_server_directory_may_be_a_disk_of_its_own(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "main"):
        archive = open_archive(tmp_path)
        put(archive, IDENTITY)
        put(archive, WAL)

        assert keys(archive) == [IDENTITY, WAL]


def test_read_only_disk_can_be_read_and_refuses_writes(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk") as disk:
        archive = open_archive(disk)
        put(archive, IDENTITY, b"{}")
        put(archive, WAL)
        remount(disk, "ro")

        assert keys(archive) == [IDENTITY, WAL]
        assert get(archive, IDENTITY) == b"{}"
        archive.check_access()
        with pytest.raises(ObjectExists):
            put(archive, WAL)
        with pytest.raises(AccessDenied, match="read-only file system"):
            put(archive, "wals/00000002.history")
        with pytest.raises(AccessDenied, match="read-only file system"):
            archive.delete_objects([WAL])
        assert keys(archive) == [IDENTITY, WAL]


def test_directory_that_may_not_be_written_or_read(container: Path) -> None:
    archive = open_archive(container)
    put(archive, WAL)
    segment_directory = container / "main" / "wals" / "0000000100000000"

    def write_another() -> None:
        put(archive, NEIGHBOUR)

    with _as_nobody(container):
        segment_directory.chmod(0o500)
        with pytest.raises(AccessDenied, match="permission denied"):
            write_another()
        with pytest.raises(AccessDenied):
            archive.delete_objects([WAL])
        segment_directory.chmod(0)
        for refused in (
            lambda: archive.stat(WAL),
            lambda: get(archive, WAL),
            lambda: keys(archive),
            write_another,
        ):
            with pytest.raises(AccessDenied):
                refused()
        segment_directory.chmod(0o700)
        assert get(archive, WAL) == b"content"


class _as_nobody:  # noqa: N801 - reads as a statement
    """Be an unprivileged user, owner of directory: root may write anywhere."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._is_root = os.geteuid() == 0
        self._opened: dict[Path, int] = {}

    def __enter__(self) -> None:
        if not self._is_root:
            return
        for path in [self._directory, *self._directory.rglob("*")]:
            os.chown(path, 65534, 65534)
        for parent in self._directory.parents:
            if not (mode := parent.stat().st_mode) & 0o001:
                parent.chmod(mode | 0o011)
                self._opened[parent] = mode
        os.setegid(65534)
        os.seteuid(65534)

    def __exit__(self, *_: object) -> None:
        if self._is_root:
            os.seteuid(0)
            os.setegid(0)
            for parent, mode in self._opened.items():
                parent.chmod(mode)


def test_failing_disk_breaks_a_read_and_does_not_look_like_the_end(
    container: Path,
) -> None:
    archive = open_archive(container)
    put(archive, WAL, bytes(MIB))
    with archive.open_read(WAL) as source:
        assert len(source.read(1000)) == 1000
        os.truncate(container / "main" / WAL, 5000)
        assert len(source.read(10_000)) == 4000

        with pytest.raises(StorageUnavailable, match="too early"):
            source.read(10_000)


@pytest.mark.parametrize(
    ("call", "error", "kind"),
    [
        ("linkat", errno.EIO, "StorageUnavailable"),
        ("linkat", errno.ENOSPC, "StorageFull"),
        ("linkat", errno.EDQUOT, "StorageFull"),
        ("openat", errno.ESTALE, "StorageUnavailable"),
    ],
)
def test_failing_call_stores_nothing(
    container: Path, tmp_path: Path, call: str, error: int, kind: str
) -> None:
    fault = f"error={errno.errorcode[error]}"
    put_it = command(container, "put", WAL, 4096)
    if call == "openat":
        injected = with_failing_call(put_it, call, fault, log=tmp_path / "log")
        at = injected.index("-e", injected.index("-e") + 1)
        injected[at:at] = ["-P", str(container)]
    else:
        injected = with_failing_call(put_it, call, fault, log=tmp_path / "log")

    assert run(injected).stdout.startswith(kind)
    assert all_files(container) == ["archive.json"]


def test_without_link_objects_are_still_never_replaced(
    container: Path, tmp_path: Path
) -> None:
    put_it = command(container, "put", WAL, 4096)
    log = tmp_path / "log"

    first = run(with_failing_call(put_it, "linkat", "error=EPERM", log=log))
    second = run(with_failing_call(put_it, "linkat", "error=EPERM", log=log))

    assert first.stdout == "stored\n"
    assert second.stdout.startswith("ObjectExists")
    assert all_files(container) == ["000000010000000000000001.zst", "archive.json"]
