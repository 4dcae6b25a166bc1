import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.lsn import Lsn
from cloudhoard.errors import InvalidFormat

POSITIONS = st.integers(0, 2**64 - 1)


def test_text_is_that_of_postgresql() -> None:
    lsn = Lsn.parse("16/B374D848")

    assert lsn == Lsn(0x16_B374D848)
    assert str(lsn) == "16/B374D848"


def test_zeros_in_front_are_read_and_not_written() -> None:
    # PostgreSQL 19 prints the lower half with eight digits.
    assert str(Lsn.parse("00000001/0000000a")) == "1/A"


@given(POSITIONS)
def test_text_and_position_invert_each_other(position: int) -> None:
    assert Lsn.parse(str(Lsn(position))) == Lsn(position)


@given(POSITIONS, POSITIONS)
def test_order_is_that_of_positions(one: int, other: int) -> None:
    assert (Lsn(one) < Lsn(other)) == (one < other)


@given(POSITIONS, POSITIONS)
def test_difference_added_again_leads_back(one: int, other: int) -> None:
    size = Lsn(one) - Lsn(other)

    assert size == one - other
    assert Lsn(other) + size == Lsn(one)
    assert Lsn(one) - size == Lsn(other)


@pytest.mark.parametrize(
    "text",
    ["", "/", "0", "0/", "/0", "0/0/0", "-1/0", "0x1/0", " 0/0", "0/0\n", "0/G"],
)
def test_text_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormat):
        Lsn.parse(text)


@pytest.mark.parametrize("text", ["100000000/0", "0/100000000", "٣/0"])
def test_numbers_of_another_size_or_script_are_refused(text: str) -> None:
    with pytest.raises(InvalidFormat):
        Lsn.parse(text)


def test_positions_out_of_range_are_refused() -> None:
    last = Lsn.parse("FFFFFFFF/FFFFFFFF")

    with pytest.raises(InvalidFormat):
        last + 1
    with pytest.raises(InvalidFormat):
        Lsn(0) - 1
