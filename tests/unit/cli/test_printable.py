import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.cli.printable import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, naïve 日本", "plain text, naïve 日本"),
        ("two\nlines", "two\\x0alines"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("not utf-8: \udcff", "not utf-8: \\xff"),
        ("turned \u202e around", "turned \\u202e around"),
        ("next\x85line\u2028", "next\\x85line\\u2028"),
    ],
)
def test_what_is_not_plain_text_is_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected


@given(st.text(st.characters(codec=None)))
def test_the_result_is_one_line_that_can_be_written(text: str) -> None:
    result = printable(text)

    assert len(result.splitlines()) <= 1
    result.encode()
