import io
import sys

import pytest

from cloudhoard.cli.output import binary_size, print_json, print_text, table


def test_table_has_columns_and_no_blanks_at_the_ends_of_lines() -> None:
    text = table(["Name", "Size"], [["first", "7 B"], ["x", "1023 B"]], right=[1])

    assert text == "Name     Size\nfirst     7 B\nx      1023 B"


def test_table_without_rows_is_its_header() -> None:
    assert table(["Name", "Size"], []) == "Name  Size"


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        ((1 << 20) - 1, "1.0 MiB"),
        (3 << 30, "3.0 GiB"),
        (1 << 62, "4.0 EiB"),
        (1 << 74, "16384.0 EiB"),
    ],
)
def test_sizes_for_people_have_binary_units(size: int, expected: str) -> None:
    assert binary_size(size) == expected


def test_json_is_one_document_in_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "é\udcff"})

    assert capsys.readouterr().out == '{\n  "name": "\\u00e9\\udcff"\n}\n'


def test_what_the_terminal_cannot_show_is_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))

    print_text("é 日 \udcff")
    sys.stdout.flush()

    assert raw.getvalue() == b"\xe9 \\u65e5 \\udcff\n"
