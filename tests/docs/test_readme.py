"""What the README and the manual pages tell people to type can be typed."""

import argparse
import importlib
import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from tests.support.site_example import example_site_file

ROOT: Final = Path(__file__).parents[2]


def lines_of(path: Path) -> list[str]:
    """Return the command lines of a text's literal blocks."""
    text = path.read_text().replace("\\e\n", "\\\n").replace("\\\n", " ")
    if path.suffix == ".md":
        blocks = re.findall(r"^    (.*)$", text, re.MULTILINE)
    else:
        found = re.findall(r"(?ms)^\.Bd -literal.*?$(.*?)^\.Ed", text)
        blocks = "\n".join(found).splitlines()
    return [line for line in blocks if re.search(r"\bcloudhoard-[a-z-]+ +\S", line)]


def command_in(line: str) -> list[str]:
    """Return the words of the command in a line of a shell, a crontab, a setting."""
    setting = re.search(r"\w+_command = '(.*)'", line)
    words = shlex.split(setting[1] if setting else line, comments=True)
    starts = [
        number
        for number, word in enumerate(words)
        if re.fullmatch(r"(.*/)?cloudhoard-[a-z-]+", word)
        and (number == 0 or not words[number - 1].startswith("-"))
    ]
    words = words[starts[0] :] if starts else []
    ends = [n for n, word in enumerate(words) if word in {"|", "||", "&&", ";", ">"}]
    return words[: ends[0]] if ends else words


LINES: Final = [
    pytest.param(command_in(line), id=f"{path.name}: {line.strip()[:60]}")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs" / "man").glob("*.[15]"))]
    for line in lines_of(path)
    if command_in(line)
]


@pytest.mark.parametrize("words", LINES)
def test_a_command_line_of_the_documentation_can_be_parsed(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_file = tmp_path / "cloudhoard.toml"
    site_file.write_text(example_site_file())
    monkeypatch.setenv("CLOUDHOARD_CONFIG", str(site_file))
    if "latest" in words and "--site" not in words:
        monkeypatch.setenv("CLOUDHOARD_SITE", "main")
    name = Path(words[0]).name.removeprefix("cloudhoard-").replace("-", "_")
    parser = importlib.import_module(f"cloudhoard.commands.{name}").build_parser()

    assert isinstance(parser.parse_args(words[1:]), argparse.Namespace)


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text()
    modules = (ROOT / "cloudhoard" / "commands").glob("[a-z]*.py")
    commands = {f"cloudhoard-{path.stem.replace('_', '-')}" for path in modules}

    assert set(re.findall(r"(?m)^\| `(cloudhoard-[a-z-]+)`", readme)) == commands


def test_files_that_the_readme_links_to_are_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / "README.md").read_text())

    assert [link for link in links if not (ROOT / link).exists()] == []
