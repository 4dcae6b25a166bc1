import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.timeline import TimelineHistory, TimelineSwitch
from cloudhoard.domain.wal import MIB, WalSegment
from cloudhoard.domain.wal_file import InvalidWalName, WalFile
from cloudhoard.domain.wal_header import (
    LONG_HEADER_SIZE,
    WalHeader,
    WalMismatch,
    check_segment_header,
)
from cloudhoard.errors import InvalidFormat
from tests.support.golden_postgres import MAJORS, controldata_report, golden

SYSTEM = 7203151283713402117
NAME = "000000020000000000000003"
HEADER = WalHeader(
    magic=0xD110,
    major=15,
    timeline=2,
    page_address=Lsn.parse("0/3000000"),
    system_identifier=SYSTEM,
    segment_size=16 * MIB,
    block_size=8192,
)


def packed(header: WalHeader, info: int = 2) -> bytes:
    return struct.pack(
        "<HHIQI4xQII",
        header.magic,
        info,
        header.timeline,
        header.page_address.position,
        0,
        header.system_identifier,
        header.segment_size,
        header.block_size,
    )


def checked(
    header: WalHeader,
    name: str = NAME,
    *,
    file_size: int = 16 * MIB,
    history: TimelineHistory | None = None,
) -> tuple[str, ...]:
    return check_segment_header(
        header,
        WalFile.parse(name),
        file_size=file_size,
        system_identifier=SYSTEM,
        history=history,
    )


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize(
    ("name", "timeline"),
    [
        ("000000010000000000000001", 1),
        ("000000010000000000000003.partial", 1),
        pytest.param("000000020000000000000003", 1, id="first after a promotion"),
        pytest.param("000000020000000000000004", 2, id="second after a promotion"),
        pytest.param("000000030000000000000004", 2, id="first after the next one"),
    ],
)
def test_segments_of_every_version_pass(major: int, name: str, timeline: int) -> None:
    file, history = WalFile.parse(name), None
    if file.timeline > 1:
        text = golden(major, f"{file.timeline:08X}.history").read_text("utf-8")
        history = TimelineHistory.parse(file.timeline, text)
    system = int(controldata_report(major)["Database system identifier"])

    header = WalHeader.parse(golden(major, name).read_bytes())
    warnings = check_segment_header(
        header,
        file,
        file_size=16 * MIB,
        system_identifier=system,
        history=history,
    )

    assert warnings == ()
    assert (header.major, header.timeline) == (major, timeline)
    assert (header.segment_size, header.block_size) == (16 * MIB, 8192)


@given(
    st.integers(1, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 1),
    st.sampled_from([MIB << power for power in range(11)]),
)
def test_bytes_and_header_invert_each_other(
    timeline: int, address: int, system: int, size: int
) -> None:
    header = WalHeader(0xD118, 18, timeline, Lsn(address), system, size, 8192)

    assert WalHeader.parse(packed(header)) == header


def test_what_follows_the_header_is_left_alone() -> None:
    assert WalHeader.parse(packed(HEADER) + b"\xff" * 99) == HEADER


@pytest.mark.parametrize("size", range(LONG_HEADER_SIZE))
def test_a_file_too_short_for_a_header_is_refused(size: int) -> None:
    with pytest.raises(InvalidFormat, match=f"{size} bytes are too few"):
        WalHeader.parse(packed(HEADER)[:size])


@pytest.mark.parametrize(
    "magic",
    [
        pytest.param(0, id="zeros"),
        pytest.param(0xD101, id="PostgreSQL 12"),
        pytest.param(0xD10E, id="between two releases"),
        pytest.param(0x10D1, id="the other byte order"),
        pytest.param(0xFFFF, id="ones"),
    ],
)
def test_other_magics_are_refused(magic: int) -> None:
    with pytest.raises(InvalidFormat, match=f"magic {magic:04X}"):
        WalHeader.parse(packed(replace(HEADER, magic=magic)))


def test_a_page_from_inside_a_segment_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="first page"):
        WalHeader.parse(packed(HEADER, info=1))


def test_a_size_that_no_segment_has_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="first page"):
        WalHeader.parse(packed(replace(HEADER, segment_size=16 * MIB + 1)))


def test_a_newer_format_passes_with_a_warning() -> None:
    header = WalHeader.parse(packed(replace(HEADER, magic=0xD119)))

    assert header.major is None
    assert checked(header) == (
        f"{NAME} has magic D119, of a newer PostgreSQL than we know",
    )


@pytest.mark.parametrize(
    ("header", "values"),
    [
        (replace(HEADER, system_identifier=1), ["system 1,", str(SYSTEM)]),
        (replace(HEADER, page_address=Lsn(0)), ["from 0/0,", "0/3000000"]),
        (replace(HEADER, page_address=Lsn(48 * MIB + 8192)), ["0/3002000", "0/30000"]),
        (replace(HEADER, segment_size=32 * MIB), ["16777216", "33554432"]),
        (replace(HEADER, timeline=3), ["timeline 3,", "of 2"]),
        (replace(HEADER, timeline=0), ["timeline 0,", "of 2"]),
    ],
)
def test_a_mismatch_is_refused_with_both_values(
    header: WalHeader, values: list[str]
) -> None:
    for name in (NAME, f"{NAME}.partial"):
        with pytest.raises(WalMismatch) as caught:
            checked(header, name)
        assert str(caught.value).startswith(f"{name} ")
        assert all(value in str(caught.value) for value in values)


@pytest.mark.parametrize("size", [0, 40, 16 * MIB - 1, 16 * MIB + 1])
def test_a_file_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(WalMismatch, match=f"has {size} bytes"):
        checked(HEADER, file_size=size)


def test_a_name_that_its_own_segment_size_does_not_give_is_refused() -> None:
    header = replace(HEADER, segment_size=1024 * MIB)

    with pytest.raises(InvalidWalName):
        checked(header, "000000020000000000000004", file_size=1024 * MIB)


def test_an_older_timeline_passes_where_the_history_is_not_at_hand() -> None:
    assert checked(replace(HEADER, timeline=1)) == ()


def test_with_the_history_it_must_be_an_ancestor() -> None:
    fork = Lsn.parse("0/3000100")
    history = TimelineHistory(4, (TimelineSwitch(2, fork),))
    name = WalSegment(4, 3, 16 * MIB).name

    assert checked(HEADER, name, history=history) == ()
    assert checked(replace(HEADER, timeline=4), name, history=history) == ()
    for stranger in (1, 3):
        with pytest.raises(WalMismatch, match=f"{stranger}, which timeline 4 does not"):
            checked(replace(HEADER, timeline=stranger), name, history=history)
