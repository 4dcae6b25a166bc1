"""Members of a tar as bytes: ustar where it suffices, pax records where not.

POSIX.1-2017, pax utility, "ustar Interchange Format" and "pax Header Block".  Python's
tarfile can only append whole files to an archive that it owns; we stream.
"""

import functools
import grp
import os
import pwd
import stat
from typing import Final, NamedTuple

BLOCK_SIZE: Final = 512

END_OF_TAR: Final = bytes(2 * BLOCK_SIZE)

_NAME_SIZE: Final = 100
_PREFIX_SIZE: Final = 155
_MAX_ID: Final = 0o7777777
_MAX_SIZE: Final = 0o77777777777
_REGULAR: Final = b"0"
_DIRECTORY: Final = b"5"
_PAX: Final = b"x"
_KIND_AT: Final = 156
_PREFIX_AT: Final = 345


def padding_after(size: int) -> int:
    """Return how many zero bytes follow size bytes of content."""
    return -size % BLOCK_SIZE


def member_size(header_size: int, size: int) -> int:
    """Return how many bytes a member takes in all."""
    return header_size + size + padding_after(size)


def file_header(name: bytes, size: int, status: os.stat_result) -> bytes:
    """Return the header blocks of a regular file of size bytes.

    Mode, owner and modification time (whole seconds) are those of status; set-id and
    sticky bits are dropped, nothing in a data directory has a use for them.
    """
    return _header(name, size, _REGULAR, status, stat.S_IMODE(status.st_mode) & 0o777)


def directory_header(
    name: bytes, status: os.stat_result, *, mode: int | None = None
) -> bytes:
    """Return the header block of a directory; mode, if given, instead of status'."""
    if mode is None:
        mode = stat.S_IMODE(status.st_mode) & 0o777
    return _header(name.rstrip(b"/") + b"/", 0, _DIRECTORY, status, mode)


def _header(
    name: bytes, size: int, kind: bytes, status: os.stat_result, mode: int
) -> bytes:
    records: list[tuple[bytes, bytes]] = []
    place = _ustar_place(name)
    if place is None:
        records += _name_records(name)
        place = b"", name[:_NAME_SIZE]
    for key, value, most in (
        (b"size", size, _MAX_SIZE),
        (b"uid", status.st_uid, _MAX_ID),
        (b"gid", status.st_gid, _MAX_ID),
    ):
        if value > most:
            records.append((key, b"%d" % value))
    block = _block(place, kind, size, status, mode)
    return _pax_blocks(records, status) + block if records else block


def _ustar_place(name: bytes) -> tuple[bytes, bytes] | None:
    """Split name into ustar's prefix and name fields, or None if it does not fit."""
    if len(name) <= _NAME_SIZE:
        return b"", name
    # The cut is at a slash that belongs to neither half.
    cut = name.rfind(b"/", 0, min(_PREFIX_SIZE + 1, len(name) - 1))
    if cut > 0 and len(name) - cut - 1 <= _NAME_SIZE:
        return name[:cut], name[cut + 1 :]
    return None


def _name_records(name: bytes) -> list[tuple[bytes, bytes]]:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return [(b"hdrcharset", b"BINARY"), (b"path", name)]
    return [(b"path", name)]


def _pax_blocks(records: list[tuple[bytes, bytes]], status: os.stat_result) -> bytes:
    content = b"".join(_pax_record(key, value) for key, value in records)
    header = _block((b"", b"././@PaxHeader"), _PAX, len(content), status, 0o600)
    return header + content + bytes(padding_after(len(content)))


def _pax_record(key: bytes, value: bytes) -> bytes:
    """Return a length, key=value and a newline; the length counts its own digits."""
    rest = b" %s=%s\n" % (key, value)
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d%s" % (length, rest)


def _block(
    place: tuple[bytes, bytes],
    kind: bytes,
    size: int,
    status: os.stat_result,
    mode: int,
) -> bytes:
    prefix, name = place
    owner = _owner(mode, status.st_uid, status.st_gid, kind)
    numbers = b"%011o\0%011o\0" % (
        size if size <= _MAX_SIZE else 0,
        min(max(int(status.st_mtime), 0), _MAX_SIZE),
    )
    checksum = owner.sum + sum(name) + sum(numbers) + sum(prefix)
    return b"%s%s%s%06o\0 %s%s" % (
        name.ljust(_NAME_SIZE, b"\0"),
        owner.mode_and_ids,
        numbers,
        checksum,
        owner.kind_and_names,
        prefix.ljust(BLOCK_SIZE - _PREFIX_AT, b"\0"),
    )


class _Owner(NamedTuple):
    """The fields that most members of a backup have in common."""

    mode_and_ids: bytes
    """Bytes 100 to 124."""
    kind_and_names: bytes
    """Bytes 156 to 345."""
    sum: int
    """Of these bytes, and of the eight blanks that stand for the checksum."""


@functools.lru_cache(maxsize=64)
def _owner(mode: int, uid: int, gid: int, kind: bytes) -> _Owner:
    ids = (uid if uid <= _MAX_ID else 0, gid if gid <= _MAX_ID else 0)
    before = b"%07o\0%07o\0%07o\0" % (mode, *ids)
    names = b"%s%s" % (
        _user_name(uid).ljust(32, b"\0"),
        _group_name(gid).ljust(32, b"\0"),
    )
    after = (kind.ljust(101, b"\0") + b"ustar\x0000" + names).ljust(
        _PREFIX_AT - _KIND_AT, b"\0"
    )
    return _Owner(before, after, sum(before) + sum(after) + 8 * ord(" "))


@functools.lru_cache(maxsize=16)
def _user_name(uid: int) -> bytes:
    try:
        return pwd.getpwuid(uid).pw_name.encode()[:31]
    except KeyError:
        return b""


@functools.lru_cache(maxsize=16)
def _group_name(gid: int) -> bytes:
    try:
        return grp.getgrgid(gid).gr_name.encode()[:31]
    except KeyError:
        return b""
