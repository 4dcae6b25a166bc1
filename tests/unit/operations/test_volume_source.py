import os
import threading
from collections.abc import Iterator

import pytest

from cloudhoard.operations.tar_header import file_header
from cloudhoard.operations.volume_source import VolumeSource, VolumeStart, size_in_tar
from cloudhoard.postgres.data_directory import SourceEntry
from cloudhoard.postgres.errors import UnreadableFile


def entry(item: str, name: str, size: int = 0) -> SourceEntry:
    status = os.stat_result((0o100600, 1, 1, 1, 0, 0, size, 0, 0, 0))
    return SourceEntry(item, name.encode(), b"/" + name.encode(), status)


def test_volumes_are_numbered_within_their_item() -> None:
    first, second, other = entry("data", "a"), entry("data", "b"), entry("16384", "c")
    source = VolumeSource(iter([first, second, other]))

    assert [source.start_volume() for _ in range(4)] == [
        VolumeStart("data", 0, first),
        VolumeStart("data", 1, second),
        VolumeStart("16384", 0, other),
        None,
    ]
    assert source.number_volume("data") == 2


def test_entry_of_another_item_is_left_for_the_next_volume() -> None:
    source = VolumeSource(iter([entry("data", "a"), entry("16384", "b")]))

    assert source.take("data", 10**6) is not None
    assert source.take("data", 10**6) is None
    assert source.take("16384", 10**6) == entry("16384", "b")


def test_entry_that_does_not_fit_is_left_for_the_next_volume() -> None:
    big = entry("data", "a", 5000)
    source = VolumeSource(iter([big]))

    assert source.take("data", size_in_tar(big) - 1) is None
    assert source.take("data", size_in_tar(big)) == big


def test_size_in_tar_is_never_less_than_what_is_written() -> None:
    status = os.stat_result((0o100600, 1, 1, 1, 2**31, 2**31, 9 * 2**30, 0, 0, 0))
    for length in (1, 100, 101, 255, 256, 257, 512, 1000, 4000):
        entry = SourceEntry("data", b"x" * length, b"", status)

        header = file_header(entry.name, 9 * 2**30, status)
        assert size_in_tar(entry) >= 9 * 2**30 + len(header)


def test_every_entry_is_handed_out_once_to_many_threads() -> None:
    entries = [entry("data", str(number)) for number in range(5000)]
    source = VolumeSource(iter(entries))
    taken: list[SourceEntry] = []

    def work() -> None:
        while (found := source.take("data", 10**6)) is not None:
            taken.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == sorted(entries)


def test_error_of_the_walk_reaches_one_and_ends_it_for_the_others() -> None:
    def walk() -> Iterator[SourceEntry]:
        yield entry("data", "a")
        raise UnreadableFile("cannot read b")

    source = VolumeSource(walk())

    assert source.start_volume() is not None
    with pytest.raises(UnreadableFile):
        source.take("data", 10**6)
    assert source.take("data", 10**6) is None
