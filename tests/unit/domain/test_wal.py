import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.wal import MIB, WalSegment, is_valid_segment_size
from cloudhoard.domain.wal_file import InvalidWalName, WalFile
from cloudhoard.errors import InvalidFormat

SIZES = [MIB << power for power in range(11)]


@st.composite
def segments(draw: st.DrawFn) -> WalSegment:
    size = draw(st.sampled_from(SIZES))
    number = draw(st.integers(0, 2**64 // size - 2))
    return WalSegment(draw(st.integers(1, 2**32 - 1)), number, size)


@pytest.mark.parametrize("size", SIZES)
def test_powers_of_two_from_1_mib_to_1_gib_are_segment_sizes(size: int) -> None:
    assert is_valid_segment_size(size)


@pytest.mark.parametrize("size", [0, -MIB, 1, MIB // 2, 3 * MIB, 2048 * MIB, MIB + 1])
def test_no_other_size_is(size: int) -> None:
    assert not is_valid_segment_size(size)
    with pytest.raises(InvalidFormat):
        WalSegment.parse("000000010000000000000001", segment_size=size)
    with pytest.raises(InvalidFormat):
        WalSegment(1, 1, size)


@pytest.mark.parametrize(
    ("size", "name", "following", "lsn"),
    [
        (MIB, "000000020000000300000FFF", "000000020000000400000000", "4/0"),
        (16 * MIB, "0000000200000003000000FF", "000000020000000400000000", "4/0"),
        (64 * MIB, "00000002000000030000003F", "000000020000000400000000", "4/0"),
        (1024 * MIB, "000000020000000300000003", "000000020000000400000000", "4/0"),
    ],
)
def test_next_segment_carries_into_the_log_number(
    size: int, name: str, following: str, lsn: str
) -> None:
    segment = WalSegment.parse(name, segment_size=size)

    assert segment.next().name == following
    assert segment.end_lsn == segment.next().start_lsn == Lsn.parse(lsn)


@given(segments())
def test_name_and_segment_invert_each_other(segment: WalSegment) -> None:
    again = WalSegment.parse(segment.name, segment_size=segment.segment_size)

    assert again == segment
    assert WalFile.parse(segment.name).timeline == segment.timeline


@given(segments(), st.data())
def test_every_byte_lies_in_exactly_one_segment(
    segment: WalSegment, data: st.DataObject
) -> None:
    tli, size = segment.timeline, segment.segment_size
    lsn = segment.start_lsn + data.draw(st.integers(0, size - 1))

    assert WalSegment.containing(lsn, timeline=tli, segment_size=size) == segment
    assert segment.start_lsn <= lsn < segment.end_lsn
    assert WalSegment.ending_at(lsn + 1, timeline=tli, segment_size=size) == segment


@given(segments())
def test_following_segments_leave_no_gap(segment: WalSegment) -> None:
    assert segment.next().start_lsn == segment.end_lsn
    assert segment.next() > segment
    assert segment.next().timeline == segment.timeline


@given(segments(), st.data())
def test_names_of_one_size_sort_as_segments_do(
    one: WalSegment, data: st.DataObject
) -> None:
    numbers = st.integers(0, one.number) | st.just(one.number + 1)
    timelines = st.integers(1, one.timeline) | st.just(one.timeline)
    other = WalSegment(data.draw(timelines), data.draw(numbers), one.segment_size)

    assert (one < other) == (one.name < other.name)


def test_a_boundary_ends_one_segment_and_begins_the_next() -> None:
    boundary = Lsn.parse("0/4000000")

    ending = WalSegment.ending_at(boundary, timeline=1, segment_size=16 * MIB)
    beginning = WalSegment.containing(boundary, timeline=1, segment_size=16 * MIB)

    assert ending.name == "000000010000000000000003"
    assert beginning == ending.next()


def test_the_same_place_on_another_timeline() -> None:
    segment = WalSegment.parse("000000010000000000000003", segment_size=16 * MIB)

    assert segment.on_timeline(26).name == "0000001A0000000000000003"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("000000010000000000000100", 16 * MIB),
        ("000000010000000000000040", 64 * MIB),
        ("000000010000000000000004", 1024 * MIB),
        ("000000000000000000000001", 16 * MIB),
        ("000000010000000000000001.partial", 16 * MIB),
        ("0000000a0000000000000001", 16 * MIB),
        ("00000001", 16 * MIB),
    ],
)
def test_names_that_this_segment_size_does_not_give_are_refused(
    name: str, size: int
) -> None:
    with pytest.raises(InvalidWalName):
        WalSegment.parse(name, segment_size=size)


@pytest.mark.parametrize(
    ("timeline", "number"), [(0, 1), (2**32, 1), (1, -1), (1, 2**40)]
)
def test_fields_out_of_range_are_refused(timeline: int, number: int) -> None:
    with pytest.raises(InvalidFormat):
        WalSegment(timeline, number, 16 * MIB)
