"""The files of real PostgreSQL servers that tests/golden/postgres/make.py made."""

from pathlib import Path
from typing import Final

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "postgres"
MAJORS: Final = (13, 14, 15, 16, 17, 18)


def golden(major: int, name: str) -> Path:
    """The file of that name, of the cluster of that version."""
    return GOLDEN / str(major) / name


def controldata_report(major: int, suffix: str = "") -> dict[str, str]:
    """What pg_controldata said about ``pg_control`` + suffix, by its labels."""
    text = golden(major, f"pg_controldata{suffix}.txt").read_text()
    rows = (line.split(":", 1) for line in text.splitlines())
    return {label: value.strip() for label, value in rows}
