import io
import os
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.errors import InvalidFormat
from cloudhoard.operations.tar_header import directory_header, file_header
from cloudhoard.operations.tar_reader import TarMember, TarReader

END = bytes(1024)
STATUS = os.stat_result((0o100600, 0, 0, 1, 1000, 1000, 0, 0, 1_700_000_000, 0))


class Trickle(io.BytesIO):
    """Gives seven bytes at a time, as a decoder near its end may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(7 if size is None or size < 0 else min(size, 7))


def member(name: bytes, content: bytes) -> bytes:
    header = file_header(name, len(content), STATUS)
    return header + content + bytes(-len(content) % 512)


def header_of(name: str, kind: bytes, **attributes: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.type = kind
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def pax(*records: tuple[bytes, bytes], kind: bytes = tarfile.XHDTYPE) -> bytes:
    content = b""
    for key, value in records:
        rest = b" %s=%s\n" % (key, value)
        length = len(rest) + 1
        while length != len(rest) + len(str(length)):
            length = len(rest) + len(str(length))
        content += str(length).encode() + rest
    return raw_pax(content, kind)


def raw_pax(content: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    header = header_of("././@PaxHeader", kind, size=len(content))
    return header + content + bytes(-len(content) % 512)


def read(tar: bytes) -> list[tuple[TarMember, bytes]]:
    reader = TarReader(io.BytesIO(tar))
    members = []
    while (found := reader.next_member()) is not None:
        members.append((found, b"".join(reader.content(found))))
    return members


def test_files_and_directories_come_in_order() -> None:
    tar = directory_header(b"base/5", STATUS) + member(b"base/5/1", b"one") + END

    assert read(tar) == [
        (TarMember(b"base/5", 0, is_directory=True), b""),
        (TarMember(b"base/5/1", 3, is_directory=False), b"one"),
    ]


@given(
    name=st.binary(min_size=1, max_size=600).filter(
        lambda name: b"\0" not in name and not name.endswith(b"/")
    ),
    content=st.binary(max_size=1500),
)
def test_every_name_that_we_write_is_read_back(name: bytes, content: bytes) -> None:
    assert read(member(name, content) + END) == [
        (TarMember(name, len(content), is_directory=False), content)
    ]


def test_source_may_give_any_number_of_bytes_at_a_time() -> None:
    tar = member(b"a" * 300, b"x" * 1000) + member(b"b", b"") + END + bytes(8192)
    reader = TarReader(Trickle(tar))

    first = reader.next_member()
    assert first is not None
    assert b"".join(reader.content(first)) == b"x" * 1000
    second = reader.next_member()
    assert second is not None
    assert list(reader.content(second)) == []
    assert reader.next_member() is None


def test_tar_of_pythons_own_tarfile_is_read() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("data/" + "é" * 120)
        info.size, info.mtime, info.mode = 5, 1.25, 0o600
        tar.addfile(info, io.BytesIO(b"12345"))

    name = ("data/" + "é" * 120).encode()
    assert read(buffer.getvalue()) == [
        (TarMember(name, 5, is_directory=False), b"12345")
    ]


def test_pax_records_override_name_and_size() -> None:
    tar = pax((b"path", b"real"), (b"size", b"4")) + header_of("shown", b"0")
    tar += b"data" + bytes(508) + END

    assert read(tar) == [(TarMember(b"real", 4, is_directory=False), b"data")]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "is a symbolic link"),
        (tarfile.LNKTYPE, "is a hard link"),
        (tarfile.CHRTYPE, "is a device"),
        (tarfile.BLKTYPE, "is a device"),
        (tarfile.FIFOTYPE, "is a named pipe"),
        (tarfile.CONTTYPE, "is a contiguous file"),
        (tarfile.GNUTYPE_SPARSE, "is a sparse file"),
        (tarfile.GNUTYPE_LONGNAME, "is a member of kind b'L'"),
        (tarfile.GNUTYPE_LONGLINK, "is a member of kind b'K'"),
        (tarfile.XGLTYPE, "is a member of kind b'g'"),
        (tarfile.SOLARIS_XHDTYPE, "is a member of kind b'X'"),
        (b"Z", "is a member of kind b'Z'"),
    ],
)
def test_other_kinds_of_member_are_refused(kind: bytes, said: str) -> None:
    with pytest.raises(InvalidFormat, match=said):
        read(header_of("evil", kind, linkname="/etc/passwd") + END)


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o6000])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_special_mode_bits_are_refused(kind: bytes, mode: int) -> None:
    with pytest.raises(InvalidFormat, match=f"has mode {mode:o}"):
        read(header_of("evil", kind, mode=mode) + END)


@pytest.mark.parametrize(
    "records",
    [
        [(b"linkpath", b"/etc/passwd")],
        [(b"GNU.sparse.map", b"0,1")],
        [(b"GNU.sparse.name", b"other")],
        [(b"SCHILY.xattr.security.capability", b"x")],
        [(b"path", b"a"), (b"path", b"b")],
        [(b"", b"x")],
        [(b"size", b"-1")],
        [(b"size", b"1e3")],
        [(b"size", b"9" * 40)],
        [(b"size", b"")],
    ],
)
def test_other_pax_records_are_refused(records: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(InvalidFormat):
        read(pax(*records) + member(b"a", b"x") + END)


@pytest.mark.parametrize(
    "content",
    [
        b"0 path=a\n",
        b"1 ",
        b"3 a",
        b"-9 path=a\n",
        b"99 path=a\n",
        b"9 path=ab",
        b"10 path:aaa\n",
        b"1000000000 path=a\n",
        b"path=a\n",
        b"\0" * 20,
    ],
)
def test_malformed_extended_header_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidFormat, match=r"extended header|pax record"):
        read(raw_pax(content) + member(b"a", b"x") + END)


def test_extended_header_of_any_size_is_not_taken_into_memory() -> None:
    header = header_of("././@PaxHeader", tarfile.XHDTYPE, size=1 << 33)

    with pytest.raises(InvalidFormat, match="8589934592 bytes"):
        read(header + END)


def test_chain_of_extended_headers_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="of kind b'x'"):
        read(pax((b"path", b"a")) * 10_000 + member(b"a", b"") + END)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_negative_size_is_refused(kind: bytes) -> None:
    with pytest.raises(InvalidFormat, match="size -512"):
        read(header_of("a", kind, size=-512) + END)


def test_directory_with_content_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="has size 512"):
        read(header_of("a", tarfile.DIRTYPE, size=512) + bytes(512) + END)


def test_every_truncation_is_found() -> None:
    tar = directory_header(b"d", STATUS) + member(b"n" * 150, b"x" * 700) + END
    for size in range(len(tar)):
        with pytest.raises(InvalidFormat):
            read(tar[:size])


def test_lone_zero_block_in_the_middle_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="zero block"):
        read(bytes(512) + member(b"a", b"") + END)


@pytest.mark.parametrize("gap", [0, 512, 1 << 21])
def test_what_comes_after_the_end_is_refused(gap: int) -> None:
    with pytest.raises(InvalidFormat, match="after its end"):
        read(member(b"a", b"") + END + bytes(gap) + b"\1")


@given(st.binary(max_size=3000).filter(any))
def test_arbitrary_bytes_end_in_a_clear_error(data: bytes) -> None:
    with pytest.raises(InvalidFormat):
        read(data)


@given(st.data())
def test_flipped_header_byte_never_gives_another_error(data: st.DataObject) -> None:
    tar = bytearray(pax((b"path", b"p"), (b"size", b"3")) + member(b"a", b"abc") + END)
    position = data.draw(st.integers(0, len(tar) - 1))
    tar[position] ^= data.draw(st.integers(1, 255))

    try:
        read(bytes(tar))
    except InvalidFormat:
        return
