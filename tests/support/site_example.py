"""The configuration file that cloudhoard.toml(5) shows."""

import re
from pathlib import Path

_PAGE = Path(__file__).parents[2] / "docs" / "man" / "cloudhoard.toml.5"


def example_site_file() -> str:
    """Return its text."""
    match = re.search(r"(?ms)^\.Bd -literal$(.*?)^\.Ed", _PAGE.read_text())
    assert match is not None, "cloudhoard.toml(5) has no example"
    return match[1]
