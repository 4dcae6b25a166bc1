import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.python_literal import Literal, parse_literal
from cloudhoard.errors import InvalidFormat

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**29), 10**29)
    | st.floats(-1e90, 1e90, allow_nan=False)
    | st.text(st.characters())
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(st.characters()), inner)
    ),
    max_leaves=20,
)


@given(values)
def test_reads_what_repr_prints(value: Literal) -> None:
    assert parse_literal(repr(value)) == value


def test_reads_bytes_of_file_names_that_are_not_utf_8() -> None:
    location = b"/srv/\xff\\x'\"\n".decode("utf-8", "surrogateescape")

    assert parse_literal(repr([location])) == [location]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "__import__('os').system('true')",
        "().__class__",
        "print",
        "f'{1}'",
        "b'bytes'",
        "r'raw'",
        "'''long'''",
        "'a' 'b'",
        "1 + 1",
        "1+1j",
        "0x10",
        "1_000",
        "[x for x in ()]",
        "lambda: 0",
        "*()",
        "{1, 2}",
        "{1: 2}",
        "{'a': 1, 'a': 2}",
        "{'a'}",
        "{'a': }",
        "(1)",
        "[,]",
        "[1 2]",
        "[1",
        "(1]",
        "'open",
        "'\\z'",
        "'\\N{BULLET}'",
        "'\\UFFFFFFFF'",
        "'\\Uffffffff'",
        "1e999",
        "inf",
        "9" * 31,
        "None None",
        "#",
    ],
)
def test_anything_but_plain_values_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormat):
        parse_literal(text)


@pytest.mark.parametrize(
    "text", ["[" * 10**6, "(" * 10**6, "{'a':" * 10**5, "-" * 10**6]
)
def test_nesting_is_refused_before_it_costs_anything(text: str) -> None:
    with pytest.raises(InvalidFormat):
        parse_literal(text)


def test_twenty_levels_are_enough_for_everybody() -> None:
    assert parse_literal("[" * 20 + "[" + "]" + "]" * 20)
    with pytest.raises(InvalidFormat, match="nested more than 20 deep"):
        parse_literal("[" * 21 + "[" + "]" + "]" * 21)


def test_fifty_thousand_tablespaces_fit_and_a_bomb_does_not() -> None:
    tablespaces = [(f"t{n}", n, f"/srv/{n}") for n in range(50_000)]

    assert parse_literal(repr(tablespaces)) == tablespaces
    with pytest.raises(InvalidFormat, match="more than 500000 values in one"):
        parse_literal("[" + "[]," * 2_600_000 + "]")
