import ctypes
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.timeline import (
    TimelineHistory,
    TimelineSpan,
    TimelineSwitch,
    history_file_name,
)
from cloudhoard.errors import InvalidFormat
from tests.support.golden_postgres import MAJORS, golden

LIBC = ctypes.CDLL(None)


@st.composite
def histories(draw: st.DrawFn) -> TimelineHistory:
    numbers = draw(st.lists(st.integers(1, 2**32 - 1), min_size=1, unique=True))
    *parents, timeline = sorted(numbers)
    count = len(parents)
    ends = sorted(
        draw(st.lists(st.integers(0, 2**64 - 1), min_size=count, max_size=count))
    )
    reasons = st.text(st.characters(exclude_characters="\0\n"), max_size=20)
    return TimelineHistory(
        timeline,
        tuple(
            TimelineSwitch(parent, Lsn(end), draw(reasons))
            for parent, end in zip(parents, ends, strict=True)
        ),
    )


@pytest.mark.parametrize("major", MAJORS)
def test_histories_of_every_version_are_read_and_written_alike(major: int) -> None:
    text = golden(major, "00000003.history").read_bytes().decode()

    history = TimelineHistory.parse(3, text)

    assert history.render() == text
    assert history.ancestors == (1, 2)
    assert [switch.reason for switch in history.switches] == [
        "no recovery target specified",
        'at restore point "Änderung # 1"',
    ]


@given(histories())
def test_text_and_history_invert_each_other(history: TimelineHistory) -> None:
    assert TimelineHistory.parse(history.timeline, history.render()) == history


@pytest.mark.parametrize(
    "line",
    [
        "1\t0/3000000\tno recovery target specified",
        "1 0/3000000",
        "  1 \t 0/3000000",
        "\x0b1\x0c0/3000000 x",
        "1\t0x0/0X3000000",
        "1\t0/ 3000000",
        "0001\t00/0003000000",
        "1\t0/3000000\r",
        "1\t0/3000000\t# a reason, not a comment",
    ],
)
def test_white_space_is_as_free_as_for_postgresql(line: str) -> None:
    text = f"\n \t\n# 7\t0/1\n   # another\n{line}\n\n"

    (switch,) = TimelineHistory.parse(2, text).switches

    assert (switch.parent, switch.switch_lsn) == (1, Lsn.parse("0/3000000"))


def test_the_last_line_may_lack_its_end() -> None:
    assert TimelineHistory.parse(2, "1\t0/1").ancestors == (1,)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n \n"])
def test_a_history_without_entries_has_no_ancestors(text: str) -> None:
    assert TimelineHistory.parse(2, text) == TimelineHistory(2)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x\n", id="no number"),
        pytest.param("1\n", id="no position"),
        pytest.param("1\t0\n", id="half a position"),
        pytest.param("1\t0/\n", id="a position cut short"),
        pytest.param("12/0\n", id="a position alone"),
        pytest.param("1\t0 /0\n", id="a blank before the slash"),
        pytest.param("-1\t0/0\n", id="a sign"),
        pytest.param("4294967296\t0/0\n", id="a timeline of 33 bits"),
        pytest.param("1\t100000000/0\n", id="a position of 65 bits"),
        pytest.param("9" * 5000 + "\t0/0\n", id="a very long number"),
        pytest.param("1\t0/1\n1\t0/2\n", id="a timeline twice"),
        pytest.param("2\t0/1\n1\t0/2\n", id="an older timeline after a newer one"),
        pytest.param("1\t0/2\n2\t0/1\n", id="a switch that goes back"),
        pytest.param("0\t0/1\n", id="timeline 0"),
        pytest.param("3\t0/1\n", id="itself"),
        pytest.param("4\t0/1\n", id="a later timeline"),
        pytest.param("1\t0/1\n" + "\0" * 35, id="zeros, as a crash leaves them"),
        pytest.param("\0" * 41, id="zeros alone"),
        pytest.param("1\t0/1\tno reco" + "\0" * 20, id="zeros in a reason"),
        pytest.param("\u0661\t0/1\n", id="digits of another script"),
        pytest.param("\u20031\t0/1\n", id="white space of another kind"),
    ],
)
def test_what_postgresql_would_not_have_written_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormat, match=r"00000003\.history"):
        TimelineHistory.parse(3, text)


def test_the_line_at_fault_is_named() -> None:
    with pytest.raises(InvalidFormat, match=r"00000003\.history, line 4: "):
        TimelineHistory.parse(3, "1\t0/1\n\n# a comment\n2\n")


@pytest.mark.parametrize("timeline", [0, -1, 2**32])
def test_a_timeline_has_32_bits_and_is_not_0(timeline: int) -> None:
    with pytest.raises(InvalidFormat):
        TimelineHistory.parse(timeline, "")


@given(st.text("0123459aFx/ \t\v#.", max_size=16))
def test_lines_are_read_as_the_c_library_reads_them(line: str) -> None:
    # readTimeLineHistory: blank and comment lines, then sscanf.
    words = [ctypes.c_uint32() for _ in range(3)]
    found = LIBC.sscanf(
        line.encode(), b"%u\t%X/%X", *(ctypes.byref(word) for word in words)
    )
    tli, high, low = (word.value for word in words)
    is_skipped = re.fullmatch(r"[ \t\v]*(#.*)?", line) is not None

    try:
        switches = TimelineHistory.parse(2**32 - 1, line).switches
    except InvalidFormat:
        # Beyond what PostgreSQL refuses, numbers that wrap around and timeline 0.
        wraps = re.search("[0-9aF]{9}", line) is not None
        assert not is_skipped
        assert found < 3 or wraps or tli == 0
    else:
        expected = () if is_skipped else ((tli, Lsn(high << 32 | low)),)
        assert is_skipped or found == 3
        assert tuple((s.parent, s.switch_lsn) for s in switches) == expected


TWO = TimelineHistory(
    5,
    (
        TimelineSwitch(1, Lsn.parse("0/3000100")),
        TimelineSwitch(3, Lsn.parse("0/5000000")),
    ),
)


def test_ancestors_do_not_include_the_timeline_itself() -> None:
    assert TWO.ancestors == (1, 3)
    assert [n for n in range(7) if TWO.is_ancestor(n)] == [1, 3]


def test_a_timeline_ends_where_it_was_left() -> None:
    assert TWO.end_of(1) == Lsn.parse("0/3000100")
    assert TWO.end_of(3) == Lsn.parse("0/5000000")
    assert TWO.end_of(5) is None
    assert TWO.end_of(2) is None


@pytest.mark.parametrize(
    ("lsn", "timeline"),
    [
        ("0/0", 1),
        ("0/30000FF", 1),
        ("0/3000100", 3),
        ("0/4FFFFFF", 3),
        ("0/5000000", 5),
    ],
)
def test_the_byte_at_a_switch_is_of_the_new_timeline(lsn: str, timeline: int) -> None:
    assert TWO.timeline_at(Lsn.parse(lsn)) == timeline


def test_spans_are_cut_at_the_switches() -> None:
    start, stop = Lsn.parse("0/2000028"), Lsn.parse("0/6000000")

    assert TWO.spans(start, stop) == (
        TimelineSpan(1, start, Lsn.parse("0/3000100")),
        TimelineSpan(3, Lsn.parse("0/3000100"), Lsn.parse("0/5000000")),
        TimelineSpan(5, Lsn.parse("0/5000000"), stop),
    )
    assert TWO.needed_timelines(start, stop) == (1, 3, 5)
    assert TWO.needed_timelines(start, Lsn.parse("0/5000000")) == (1, 3)
    assert TWO.needed_timelines(Lsn.parse("0/5000000"), stop) == (5,)


def test_a_timeline_left_where_it_began_is_on_no_byte() -> None:
    fork = Lsn.parse("0/3000100")
    history = TimelineHistory(3, (TimelineSwitch(1, fork), TimelineSwitch(2, fork)))

    assert history.needed_timelines(Lsn(1), fork + 1) == (1, 3)


@given(histories(), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_spans_cover_every_byte_once(
    history: TimelineHistory, one: int, other: int
) -> None:
    start, stop = Lsn(min(one, other)), Lsn(max(one, other))
    if start == stop:
        return

    spans = history.spans(start, stop)

    assert spans[0].start_lsn == start
    assert spans[-1].stop_lsn == stop
    assert all(span.start_lsn < span.stop_lsn for span in spans)
    assert all(a.stop_lsn == b.start_lsn for a, b in pairwise(spans))
    for span in spans:
        assert history.timeline_at(span.start_lsn) == span.timeline
        assert history.timeline_at(span.stop_lsn - 1) == span.timeline


@pytest.mark.parametrize("stop", ["0/2000028", "0/1000000"])
def test_no_wal_lies_between_a_place_and_one_not_after_it(stop: str) -> None:
    with pytest.raises(InvalidFormat, match="between 0/2000028 and"):
        TWO.spans(Lsn.parse("0/2000028"), Lsn.parse(stop))


def test_name_of_the_file() -> None:
    assert history_file_name(26) == "0000001A.history"
