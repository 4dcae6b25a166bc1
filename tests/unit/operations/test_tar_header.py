import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.operations.tar_header import (
    END_OF_TAR,
    directory_header,
    file_header,
    padding_after,
)

names = st.lists(
    st.binary(min_size=1, max_size=120).filter(
        lambda part: (
            b"/" not in part and b"\0" not in part and part not in {b".", b".."}
        )
    ),
    min_size=1,
    max_size=4,
).map(b"/".join)


def status(
    *,
    mode: int = 0o100600,
    uid: int = 1000,
    gid: int = 1000,
    mtime: int = 1_700_000_000,
) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, uid, gid, 0, mtime, mtime, mtime))


def member(data: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(data + END_OF_TAR)) as archive:
        (found,) = archive.getmembers()
    return found


@given(name=names)
def test_any_name_is_read_back(name: bytes) -> None:
    found = member(file_header(name, 0, status()))

    # tarfile takes trailing slashes away, and no name here has one.
    assert os.fsencode(found.name) == name


@given(
    uid=st.integers(0, 2**32 - 2),
    gid=st.integers(0, 2**32 - 2),
    mtime=st.integers(0, 2**33 - 1),
    mode=st.integers(0, 0o7777),
)
def test_owner_time_and_mode_are_read_back_without_special_bits(
    uid: int, gid: int, mtime: int, mode: int
) -> None:
    found = member(
        file_header(
            b"x", 0, status(mode=0o100000 | mode, uid=uid, gid=gid, mtime=mtime)
        )
    )

    assert (found.uid, found.gid, found.mtime, found.mode) == (
        uid,
        gid,
        mtime,
        mode & 0o777,
    )


@pytest.mark.parametrize("size", [0, 1, 512, 8 * 2**30 - 1, 8 * 2**30, 2**40])
def test_sizes_beyond_the_field_are_read_back(size: int) -> None:
    header = file_header(b"base/5/16384", size, status())

    # As a stream, since nobody makes a test of 1 TiB.
    with tarfile.open(fileobj=io.BytesIO(header + END_OF_TAR), mode="r|") as archive:
        found = archive.next()

    assert found is not None
    assert (found.size, len(header) % 512) == (size, 0)


def test_directory_is_one_with_the_mode_that_is_asked_for() -> None:
    found = member(directory_header(b"pg_wal", status(mode=0o040755), mode=0o700))

    assert (found.name, found.isdir(), found.mode) == ("pg_wal", True, 0o700)


def test_padding_fills_up_to_whole_blocks() -> None:
    assert [padding_after(size) for size in (0, 1, 511, 512, 513)] == [
        0,
        511,
        1,
        0,
        511,
    ]


@pytest.mark.parametrize(
    "name",
    [
        b"a" * 100,
        b"b" * 101,
        b"d" * 155 + b"/" + b"f" * 100,
        b"d" * 156 + b"/" + b"f" * 100,
        b"d" * 100 + b"/" + b"f" * 101,
        "gr\u00f6\u00dfe".encode(),
        b"\xff\xfe-latin" * 20,
    ],
)
def test_tar_itself_unpacks_any_name(name: bytes, tmp_path: Path) -> None:
    data = file_header(name, 1, status()) + b"x" + bytes(511) + END_OF_TAR

    subprocess.run(["tar", "-xf", "-", "-C", tmp_path], input=data, check=True)

    path = os.fsencode(tmp_path) + b"/" + name
    assert Path(os.fsdecode(path)).read_bytes() == b"x"
