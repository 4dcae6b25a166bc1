import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from cloudhoard.storage.backends.local import LocalStorage
from cloudhoard.storage.directory_listing import KeyRange
from cloudhoard.storage.errors import StorageUnavailable
from tests.support.stores import keys

DIRECTORIES = 30
SEGMENTS = 256


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An archive of some eight thousand objects."""
    for number in range(DIRECTORIES):
        directory = tmp_path / "wals" / f"{number:016X}"
        directory.mkdir(parents=True)
        for segment in range(SEGMENTS):
            (directory / f"{number:016X}{segment:08X}.zst").touch()
    return tmp_path


def segment_keys() -> Iterator[str]:
    for number in range(DIRECTORIES):
        for segment in range(SEGMENTS):
            yield f"wals/{number:016X}/{number:016X}{segment:08X}.zst"


def test_listing_holds_one_directory_in_memory_not_the_archive(large: Path) -> None:
    storage = LocalStorage(str(large))
    tracemalloc.start()
    try:
        matching = sum(
            info.key == key
            for info, key in zip(storage.list_objects(), segment_keys(), strict=True)
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert matching == DIRECTORIES * SEGMENTS
    assert peak < 100_000  # all the keys alone would take a million bytes


def test_directories_are_opened_only_when_the_listing_comes_to_them(
    large: Path,
) -> None:
    # A link makes a listing fail: one that does not come to it does not see it.
    for outside in (0, DIRECTORIES - 1):
        directory = large / "wals" / f"{outside:016X}"
        directory.rename(large / f"moved{outside}")
        directory.symlink_to(large / f"moved{outside}")
    storage = LocalStorage(str(large))
    start_after = f"wals/{1:016X}/"

    listing = storage.list_objects("wals/", start_after=start_after)
    assert [info.key for info in islice(listing, 300)] == list(
        islice(segment_keys(), SEGMENTS, SEGMENTS + 300)
    )
    assert len(keys(storage, f"wals/{7:016X}/")) == SEGMENTS
    with pytest.raises(StorageUnavailable):
        keys(storage, "wals/")


def test_listing_that_is_given_up_leaves_nothing_open(large: Path) -> None:
    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_descriptors()
    for _ in range(10):
        next(iter(LocalStorage(str(large)).list_objects("wals/")))

    assert open_descriptors() == before


@pytest.mark.parametrize(
    ("prefix", "start_after", "directory", "expected"),
    [
        ("", "", "wals/", True),
        ("wals/0", "", "wals/", True),
        ("wals/0", "", "wals/00/", True),
        ("wals/0", "", "wals/10/", False),
        ("", "wals/5/x", "wals/", True),
        ("", "wals/5/x", "wals/5/", True),
        ("", "wals/5/x", "wals/4/", False),
        ("", "wals/5/x", "wals/6/", True),
        ("", "x", "wals/", False),
    ],
)
def test_directory_is_left_out_only_if_nothing_wanted_can_lie_below(
    prefix: str, start_after: str, directory: str, *, expected: bool
) -> None:
    assert KeyRange(prefix, start_after).may_lie_below(directory) is expected
