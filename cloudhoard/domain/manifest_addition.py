"""A manifest with one file more, made from one that was read and found sound."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from cloudhoard.domain.manifest import (
    VERSION_WITHOUT_SYSTEM,
    ManifestEntry,
    ManifestWriter,
)

_END_OF_LIST: Final = b"],\n"
_CHECKSUM: Final = b'"Manifest-Checksum": '


def added_to_manifest(lines: Iterable[bytes], added: ManifestEntry) -> Iterator[bytes]:
    """The lines of a manifest with added as its last file and a new checksum.

    lines are those of a sound manifest, which ManifestReader has read to its end:
    nothing is checked here, and a million files take a second instead of a minute.
    """
    digest = hashlib.sha256()
    for line in _with_entry(lines, added):
        if line.startswith(_CHECKSUM):
            yield b'%s"%s"}\n' % (_CHECKSUM, digest.hexdigest().encode())
            return
        digest.update(line)
        yield line


def _with_entry(lines: Iterable[bytes], added: ManifestEntry) -> Iterator[bytes]:
    rest = iter(lines)
    before = next(rest)
    for line in rest:
        if line == _END_OF_LIST:  # the first list is that of the files
            is_first = not before.endswith(b"}\n")
            yield before if is_first else before[:-1] + b",\n"
            writer = ManifestWriter(VERSION_WITHOUT_SYSTEM, 0)
            yield writer.entries([added]).lstrip() + b"\n"
            yield line
            break
        yield before
        before = line
    yield from rest
