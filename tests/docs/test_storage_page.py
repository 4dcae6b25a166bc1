from pathlib import Path

from tests.support.stores import CAPABILITIES

PAGE = Path(__file__).parents[2] / "docs" / "storage.md"


def test_page_shows_what_the_suite_tests() -> None:
    def yes_or_no(value: object) -> str:
        return {True: "yes", False: "no"}[bool(value)]

    expected = [
        f"| {name} | {store.exclusive_create} | {store.absence} "
        f"| {yes_or_no(store.keys_below_keys)} | {yes_or_no(store.durable)} "
        f"| {store.listing} |"
        for name, store in sorted(CAPABILITIES.items())
    ]
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index(
        "| store | exclusive create | absence rests on | keys below keys | durable "
        "| listed |"
    )

    assert lines[start + 2 : start + 2 + len(expected)] == expected
