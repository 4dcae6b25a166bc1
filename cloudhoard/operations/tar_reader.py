"""Members of a tar as a stream, of which only files and directories are accepted.

Headers are decoded by tarfile, one block at a time.  What its TarFile would do beyond
that is left alone on purpose: it takes extended headers of any size into memory,
follows chains of them, and lets several formats change a member's name and size.
"""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cloudhoard.domain.restored_path import shown_path
from cloudhoard.errors import InvalidFormat
from cloudhoard.streams import COPY_SIZE, ByteSource

_BLOCK_SIZE: Final = 512
_MAX_PAX_SIZE: Final = 64 << 10
_MOST_PADDING: Final = tarfile.RECORDSIZE
"""Bytes that tar programs fill up with zeros.  More of them are what a file system
makes of a file whose end was lost: it can look like the end of the tar."""
_SPECIAL_MODES: Final = 0o7000
_FILE_KINDS: Final = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE})
_KINDS: Final = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.CONTTYPE: "a contiguous file",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}
_LINKS: Final = frozenset({tarfile.SYMTYPE, tarfile.FIFOTYPE})
# Of the pax keywords those that change what is written, and those that do not count.
_PAX_KEYS: Final = frozenset(
    {
        *(b"path", b"size", b"hdrcharset"),
        *(b"uid", b"gid", b"uname", b"gname", b"mtime", b"atime", b"ctime"),
    }
)
_LINK_KEYS: Final = frozenset({b"linkpath"})


@dataclass(frozen=True, slots=True)
class TarMember:
    """A regular file or a directory of a tar."""

    name: bytes
    """As stored, without a directory's last slash."""
    size: int
    """Bytes of content that follow, 0 for a directory."""
    is_directory: bool
    link: str | None = None
    """Of a symbolic link or a named pipe what it is; nothing more of it is known."""


class TarReader:
    """The members of a tar one after the other, read once and in bounded memory.

    Every method raises InvalidFormat where the tar ends too early or holds anything
    but what this module accepts.
    """

    def __init__(self, source: ByteSource, *, links: bool = False) -> None:
        """Read source.

        With links, as other programs than ours store them, symbolic links and named
        pipes come as members as well, for the caller to deal with; directories may
        have any mode; and nobody knows how long the tar is, so that what lies behind
        its end is looked at more closely.
        """
        self._source = source
        self._links = links
        self._block = memoryview(b"")

    def next_member(self) -> TarMember | None:
        """The next member, or None at the end; its content has to be taken then.

        At the end everything that follows has been read and is zeros.
        """
        header = self._exactly(_BLOCK_SIZE)
        if header == bytes(_BLOCK_SIZE):
            self._check_end()
            return None
        info = _decoded(header)
        records: dict[bytes, bytes] = {}
        if info.type == tarfile.XHDTYPE:
            known = _PAX_KEYS | _LINK_KEYS if self._links else _PAX_KEYS
            records = _pax_records(self._pax_content(info.size), known)
            info = _decoded(self._exactly(_BLOCK_SIZE))
        return _checked(info, records, links=self._links)

    def content(self, member: TarMember) -> Iterator[memoryview]:
        """The content of the member that came last, in pieces, valid until the next."""
        yield from self._take(member.size)
        self._exactly(-member.size % _BLOCK_SIZE)

    def _pax_content(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_PAX_SIZE:
            raise InvalidFormat(f"an extended header of the tar has {size} bytes")
        content = self._exactly(size)
        self._exactly(-size % _BLOCK_SIZE)
        return content

    def _check_end(self) -> None:
        if self._exactly(_BLOCK_SIZE).strip(b"\0"):
            raise InvalidFormat("the tar has a zero block in its middle")
        self._block, rest, padding = memoryview(b""), bytes(self._block), 0
        while rest or (rest := self._source.read(COPY_SIZE)):
            if rest.strip(b"\0"):
                raise InvalidFormat("the tar goes on after its end")
            padding += len(rest)
            if self._links and padding > _MOST_PADDING:
                raise InvalidFormat("the tar has too many zeros after its end")
            rest = b""

    def _exactly(self, size: int) -> bytes:
        if size <= len(self._block):
            taken, self._block = self._block[:size], self._block[size:]
            return bytes(taken)
        return b"".join(self._take(size))

    def _take(self, size: int) -> Iterator[memoryview]:
        while size > 0:
            if not self._block:
                self._block = memoryview(self._source.read(COPY_SIZE))
            if not self._block:
                raise InvalidFormat("the tar ends in the middle")
            piece, self._block = self._block[:size], self._block[size:]
            size -= len(piece)
            yield piece


def _decoded(header: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise InvalidFormat(f"a header of the tar is damaged: {error}") from error


def _checked(
    info: tarfile.TarInfo, records: dict[bytes, bytes], *, links: bool
) -> TarMember:
    name = records.get(b"path", info.name.encode("utf-8", "surrogateescape"))
    is_directory = info.type == tarfile.DIRTYPE
    if is_directory:
        name = name.removesuffix(b"/")
    if not is_directory and info.type not in _FILE_KINDS:
        kind = _KINDS.get(info.type, f"a member of kind {info.type!r}")
        if links and info.type in _LINKS and info.size == 0:
            return TarMember(name, 0, is_directory=False, link=kind)
        raise InvalidFormat(f"{shown_path(name)} in the tar is {kind}")
    if info.mode & _SPECIAL_MODES and not (links and is_directory):
        raise InvalidFormat(f"{shown_path(name)} in the tar has mode {info.mode:o}")
    size = _size(records[b"size"]) if b"size" in records else info.size
    if size < 0 or (is_directory and size > 0):
        raise InvalidFormat(f"{shown_path(name)} in the tar has size {size}")
    return TarMember(name, size, is_directory)


def _size(text: bytes) -> int:
    most_digits = 19
    if not text.isdigit() or len(text) > most_digits:
        raise InvalidFormat(f"a size in the tar is {text[:40]!a}")
    return int(text)


def _pax_records(content: bytes, known: frozenset[bytes]) -> dict[bytes, bytes]:
    """The records of an extended header (POSIX.1-2017, pax, pax Extended Header)."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(content):
        key, value, position = _pax_record(content, position)
        if key not in known or key in records:
            raise InvalidFormat(f"the tar has a pax record {shown_path(key)}")
        records[key] = value
    return records


def _pax_record(content: bytes, start: int) -> tuple[bytes, bytes, int]:
    r"""The record ``length key=value\n`` at start, and where the next one is."""
    longest_length = 6
    length, space, _ = content[start : start + longest_length].partition(b" ")
    end = start + (int(length) if length.isdigit() else 0)
    record = content[start:end]
    key, equals, value = record[len(length) + 1 : -1].partition(b"=")
    if not (space and equals and end <= len(content) and record.endswith(b"\n")):
        raise InvalidFormat("an extended header of the tar is damaged")
    return key, value, end
