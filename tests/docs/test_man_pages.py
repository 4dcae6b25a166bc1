"""Every manual page says what its command does: no option more, no option less."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from cloudhoard.cli.exit_codes import STRICT, ExitCode
from tests.support.parsers import COMMANDS, ROOT, options_of, parser_of
from tests.support.requirements import program

PAGES: Final = sorted((ROOT / "docs" / "man").glob("*.[1-8]"))
OVERVIEW: Final = ROOT / "docs" / "man" / "cloudhoard.1"
SECTIONS: Final = (
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "ENVIRONMENT",
    "FILES",
    "EXIT STATUS",
    "EXAMPLES",
    "DIAGNOSTICS",
    "SEE ALSO",
    "CAVEATS",
)


def page_of(command: str) -> str:
    path = ROOT / "docs" / "man" / f"{command}.1"
    assert path.exists(), f"{command} has no manual page"
    return path.read_text()


def documented_options(page: str) -> set[str]:
    items = re.findall(r"^\.It Fl (.*)$", page, re.MULTILINE)
    names = re.findall(r"(?:^|\bFl )(\S+)", "\n".join(items), re.MULTILINE)
    return {"-" + name.replace("\\", "") for name in names}


def section(page: str, title: str) -> str:
    match = re.search(
        rf"^\.Sh {title}$(.*?)(?=^\.Sh |\Z)", page, re.MULTILINE | re.DOTALL
    )
    return match[1] if match else ""


@pytest.mark.parametrize("command", COMMANDS)
def test_page_lists_the_options_that_the_parser_takes(command: str) -> None:
    page = documented_options(page_of(command))
    common = documented_options(OVERVIEW.read_text())
    taken = options_of(parser_of(command))

    assert page - taken == set(), "in the page, not in the parser"
    assert taken - page - common == set(), "in the parser, in no page"


@pytest.mark.parametrize("command", COMMANDS)
def test_parser_goes_by_the_name_of_its_script(command: str) -> None:
    assert parser_of(command).prog == command


@pytest.mark.parametrize("command", COMMANDS)
def test_page_lists_the_exit_codes_that_the_command_has(command: str) -> None:
    codes = [
        range(int(first), int(last or first) + 1)
        for first, last in re.findall(
            r"^\.It (\d+)(?: (?:to|\\\(en|-) (\d+))?",
            section(page_of(command), "EXIT STATUS"),
            re.MULTILINE,
        )
    ]
    listed = {code for span in codes for code in span}

    expected = {int(code) for code in ExitCode}
    if command == "cloudhoard-wal-restore":
        expected |= {STRICT + code for code in ExitCode if code}
    if not any(action.dest == "url" for action in parser_of(command)._actions):
        expected -= {ExitCode.UNREACHABLE, ExitCode.DAMAGED}  # it has no archive
    assert listed == expected


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_has_its_sections_in_the_usual_order(path: Path) -> None:
    titles = re.findall(r"^\.Sh (.*)$", path.read_text(), re.MULTILINE)

    assert [title for title in SECTIONS if title in titles] == titles
    assert {"NAME", "DESCRIPTION", "SEE ALSO"} <= set(titles)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_refers_only_to_pages_of_ours_that_exist(path: Path) -> None:
    references = re.findall(r"\.?\bXr (cloudhoard\S*) (\d)", path.read_text())
    names = {f"{name}.{number}" for name, number in references}

    assert names - {page.name for page in PAGES} == set()
    assert path == OVERVIEW or "cloudhoard.1" in names


def test_variables_in_the_pages_are_those_that_the_package_reads() -> None:
    pages = "\n".join(page.read_text() for page in PAGES)
    documented = set(re.findall(r"\bEv (CLOUDHOARD_\w+)", pages))
    sources = "\n".join(
        path.read_text() for path in (ROOT / "cloudhoard").rglob("*.py")
    )

    assert documented == set(re.findall(r"[\"'](CLOUDHOARD_\w+)[\"']", sources))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_mandoc_finds_nothing_wrong_with_page(path: Path) -> None:
    argv = [program("mandoc"), "-T", "lint", "-W", "warning", str(path)]
    lint = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert lint.stdout + lint.stderr == ""
