"""Decisions are numbered one by one and say what the template asks for."""

import re
from pathlib import Path
from typing import Final

import pytest

DIRECTORY: Final = Path(__file__).parents[2] / "docs" / "adr"
PAGES: Final = sorted(DIRECTORY.glob("[0-9]*.md"))
CHANGES: Final = sorted(p.name for p in DIRECTORY.parent.glob("changes/[0-9]*.md"))


def test_each_number_is_taken_once() -> None:
    numbers = [int(page.name[:4]) for page in PAGES]

    assert numbers == list(range(1, len(PAGES) + 1))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_decision_follows_the_template(page: Path) -> None:
    text = page.read_text()

    assert text.startswith(f"# {page.name[:4]}: ")
    assert "\nStatus: " in text
    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
        "Evidence",
    ]


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_named_by_issue_and_kind(name: str) -> None:
    assert re.fullmatch(r"\d+\.(added|changed|fixed|removed|security)-[\w-]+\.md", name)
