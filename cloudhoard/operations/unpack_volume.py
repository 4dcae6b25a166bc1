"""A volume's files onto the disk: exactly those of the manifest, each checked."""

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from cloudhoard.domain.manifest import ManifestEntry
from cloudhoard.domain.restored_path import shown_path
from cloudhoard.errors import DamagedError, InvalidFormat
from cloudhoard.operations.tar_reader import TarMember, TarReader
from cloudhoard.streams import ByteSource

_MOST_DIRECTORIES: Final = 100_000
"""Directories of one volume: each costs an inode and is not in the manifest."""


class Place(Protocol):
    """Where a volume's members go; names are as the tar has them."""

    def make_directory(self, name: bytes) -> None:
        """Make a directory and those above it."""

    def create_file(self, name: bytes) -> int:
        """Return a descriptor of a new file, which the caller closes."""


def unpack_volume(
    source: ByteSource,
    place: Place,
    expected: dict[bytes, ManifestEntry],
    *,
    on_progress: Callable[[int], None],
) -> None:
    """Write every file of a volume, comparing size and SHA-256 with the manifest.

    expected maps names in the tar to what the manifest says, and is used up. source
    is read to its end. on_progress gets the number of bytes written and may raise.

    Raises:
        DamagedError: a member is not in the manifest or not as it says, one of the
            manifest's is not in the volume, or the tar holds what no backup holds.
    """
    reader = TarReader(source)
    directories = 0
    while (member := reader.next_member()) is not None:
        if member.is_directory:
            directories += 1
            if directories > _MOST_DIRECTORIES:
                raise InvalidFormat(f"more than {_MOST_DIRECTORIES} directories")
            place.make_directory(member.name)
            continue
        name = member.name.removeprefix(b"./")
        entry = _expected(expected, name, member)
        _write_file(place.create_file(name), reader, member, entry, on_progress)
    if expected:
        first = shown_path(min(expected))
        raise DamagedError(f"{len(expected)} files are missing, the first is {first}")


def _expected(
    expected: dict[bytes, ManifestEntry], name: bytes, member: TarMember
) -> ManifestEntry:
    entry = expected.pop(name, None)
    if entry is None:
        raise DamagedError(
            f"{shown_path(name)} is not in the manifest, or twice in the volume"
        )
    if entry.size != member.size:
        raise DamagedError(
            f"{shown_path(name)} has {member.size} bytes,"
            f" in the manifest it has {entry.size}"
        )
    return entry


def _write_file(
    descriptor: int,
    reader: TarReader,
    member: TarMember,
    entry: ManifestEntry,
    on_progress: Callable[[int], None],
) -> None:
    digest = hashlib.sha256()
    try:
        for piece in _written(descriptor, reader.content(member)):
            digest.update(piece)
            on_progress(len(piece))
    finally:
        os.close(descriptor)
    if digest.digest() != entry.sha256:
        raise DamagedError(
            f"{shown_path(entry.path)} is not what it was: SHA-256"
            f" {digest.hexdigest()}, in the manifest {_hex(entry.sha256)}"
        )


def _written(descriptor: int, pieces: Iterator[memoryview]) -> Iterator[memoryview]:
    for piece in pieces:
        rest = piece
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        yield piece


def _hex(digest: bytes | None) -> str:
    return "none" if digest is None else digest.hex()
