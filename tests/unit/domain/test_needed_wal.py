from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.timeline import TimelineHistory, TimelineSwitch, needed_wal
from cloudhoard.domain.wal import MIB, WalSegment
from cloudhoard.errors import InvalidFormat


def needed(
    start: str, stop: str, history: TimelineHistory | int = 1, size: int = 16 * MIB
) -> list[str]:
    return list(needed_wal(Lsn.parse(start), Lsn.parse(stop), history, size))


def promoted(*switches: tuple[int, str], to: int) -> TimelineHistory:
    return TimelineHistory(
        to, tuple(TimelineSwitch(parent, Lsn.parse(lsn)) for parent, lsn in switches)
    )


def test_from_the_start_to_the_byte_before_the_stop() -> None:
    assert needed("0/2000028", "0/4000100") == [
        "000000010000000000000002",
        "000000010000000000000003",
        "000000010000000000000004",
    ]


def test_a_stop_at_a_boundary_needs_nothing_after_it() -> None:
    assert needed("0/2000028", "0/3000000") == ["000000010000000000000002"]
    assert needed("0/2000028", "0/3000001")[1:] == ["000000010000000000000003"]


@pytest.mark.parametrize(
    ("size", "names"),
    [
        (MIB, ["000000010000000000000FFF", "000000010000000100000000"]),
        (16 * MIB, ["0000000100000000000000FF", "000000010000000100000000"]),
        (1024 * MIB, ["000000010000000000000003", "000000010000000100000000"]),
    ],
)
def test_names_are_those_of_the_segment_size(size: int, names: list[str]) -> None:
    assert needed("0/FFFFFF00", "1/00000100", 1, size) == names


def test_a_timeline_after_the_first_needs_its_history() -> None:
    assert needed("0/2000028", "0/3000000", 3) == [
        "00000003.history",
        "000000030000000000000002",
    ]


def test_a_switch_inside_a_segment_needs_that_one_on_the_later_timeline() -> None:
    history = promoted((1, "0/3500000"), to=2)

    assert needed("0/2000028", "0/4000100", history) == [
        "000000010000000000000002",
        "00000002.history",
        "000000020000000000000003",
        "000000020000000000000004",
    ]


def test_a_switch_inside_the_first_segment() -> None:
    history = promoted((1, "0/3500000"), to=2)

    assert needed("0/3000028", "0/3600000", history) == [
        "00000002.history",
        "000000020000000000000003",
    ]


def test_a_switch_at_a_boundary_needs_each_segment_on_its_own_timeline() -> None:
    history = promoted((1, "0/3000000"), to=2)

    assert needed("0/2000028", "0/3000100", history) == [
        "000000010000000000000002",
        "00000002.history",
        "000000020000000000000003",
    ]


def test_two_switches_inside_one_segment() -> None:
    history = promoted((1, "0/3500000"), (2, "0/3600000"), to=3)

    assert needed("0/2000028", "0/4000000", history) == [
        "000000010000000000000002",
        "00000002.history",
        "00000003.history",
        "000000030000000000000003",
    ]


def test_a_switch_before_the_start_or_after_the_stop_changes_nothing() -> None:
    history = promoted((1, "0/2000028"), (2, "0/3000100"), to=3)

    assert needed("0/2000028", "0/3000100", history) == [
        "00000002.history",
        "000000020000000000000002",
        "000000020000000000000003",
    ]


def test_a_stop_not_after_the_start_is_refused() -> None:
    with pytest.raises(InvalidFormat):
        needed("0/2000028", "0/2000028")


@pytest.mark.parametrize("size", [0, 1000, -MIB])
def test_a_size_that_no_segment_has_is_refused(size: int) -> None:
    with pytest.raises(InvalidFormat, match=f"{size} is not a size"):
        needed("0/2000028", "0/3000000", 1, size)


def test_forged_positions_cost_nothing_until_names_are_asked_for() -> None:
    names = needed_wal(Lsn(1), Lsn(2**64 - 1), 1, MIB)

    assert list(islice(names, 2)) == [
        "000000010000000000000000",
        "000000010000000000000001",
    ]


@given(st.data(), st.sampled_from([MIB, 16 * MIB, 1024 * MIB]))
def test_each_segment_is_needed_on_the_timeline_of_its_last_needed_byte(
    data: st.DataObject, size: int
) -> None:
    positions = st.integers(0, 8 * size) | st.integers(0, 8).map(lambda n: n * size)
    ends = sorted(data.draw(st.lists(positions, max_size=4)))
    switches = (TimelineSwitch(at + 1, Lsn(end)) for at, end in enumerate(ends))
    history = TimelineHistory(len(ends) + 1, tuple(switches))
    start = data.draw(st.integers(0, 8 * size))
    stop = data.draw(st.integers(start + 1, 8 * size + 1))

    names = list(needed_wal(Lsn(start), Lsn(stop), history, size))

    expected = []
    for number in range(start // size, (stop - 1) // size + 1):
        last_byte = Lsn(min((number + 1) * size, stop) - 1)
        expected.append(WalSegment(history.timeline_at(last_byte), number, size).name)
    assert [name for name in names if not name.endswith(".history")] == expected
    on = {history.timeline_at(Lsn(start)), history.timeline_at(Lsn(stop - 1))}
    on |= {
        s.parent + 1 for s in history.switches if start < s.switch_lsn.position < stop
    }
    assert {int(name[:8], 16) for name in names if name.endswith(".history")} <= on - {
        1
    }
