import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.manifest import ManifestEntry, ManifestWriter, WalRange
from cloudhoard.domain.manifest_addition import added_to_manifest

SYSTEM = 7_710_490_735_113_798_557
RANGES = [WalRange(1, Lsn(0x28), Lsn(0x100)), WalRange(2, Lsn(0x100), Lsn(0x200))]


def entry(path: bytes) -> ManifestEntry:
    return ManifestEntry(path, 3, datetime(2026, 11, 21, tzinfo=UTC), b"\xab" * 32)


def manifest(version: int, paths: list[bytes]) -> bytes:
    writer = ManifestWriter(version, SYSTEM)
    begin = writer.begin()
    entries = writer.entries(entry(path) for path in paths)
    return begin + entries + writer.finish(RANGES)


ADDED = b"cloudhoard.restored"


@pytest.mark.parametrize("version", [1, 2])
@given(
    paths=st.lists(
        st.one_of(st.binary(min_size=1), st.sampled_from([b"],", b"],\n", b'"\n'])),
        max_size=5,
        unique=True,
    )
)
def test_it_is_the_manifest_that_would_have_been_written(
    version: int, paths: list[bytes]
) -> None:
    lines = io.BytesIO(manifest(version, paths))

    added = b"".join(added_to_manifest(lines, entry(ADDED)))

    assert added == manifest(version, [*paths, ADDED])
