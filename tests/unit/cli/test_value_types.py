import argparse

import pytest

from cloudhoard.cli.value_types import non_negative_int, positive_int, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("512B", 512),
        ("4kB", 4096),
        ("4KiB", 4096),
        ("100GB", 100 * 1024**3),
        ("1.5 MiB", 3 << 19),
        ("16m", 16 << 20),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_size_is_in_bytes_and_units_are_powers_of_1024(
    text: str, expected: int
) -> None:
    assert size(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MB",
        "-1MB",
        "0",
        "0.1",
        "1,5MB",
        "1XB",
        "1e3",
        "9" * 400 + ".0",
        "9" * 5000,
    ],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        size(text)


def test_integers_have_a_least_value() -> None:
    assert (positive_int("1"), non_negative_int("0")) == (1, 0)
    for refused in ("0", "-1", "x", "1.5", "2147483648", "9" * 5000):
        with pytest.raises(argparse.ArgumentTypeError):
            positive_int(refused)
    with pytest.raises(argparse.ArgumentTypeError):
        non_negative_int("-1")
