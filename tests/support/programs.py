"""Where the programs are that tests start: PostgreSQL's, and our own."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """One installation of PostgreSQL's server programs."""

    directory: Path
    version: str
    """As the server prints it, for instance ``15.14``."""

    @classmethod
    def at(cls, directory: Path) -> Self:
        """Return the installation whose programs lie in directory."""
        argv = [str(directory / "postgres"), "--version"]
        answer = subprocess.run(argv, capture_output=True, text=True, check=True)
        match = re.search(r"\d[\w.]*", answer.stdout)
        assert match is not None, answer.stdout
        return cls(directory, match[0])

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version)[0])

    def path(self, program: str) -> str:
        """Return the path of one program, for instance pg_verifybackup."""
        return str(self.directory / program)

    def has(self, program: str) -> bool:
        """Tell whether this installation comes with program; not all bring all."""
        return (self.directory / program).exists()


def find_postgres() -> PostgresPrograms | None:
    """Return the installation to test with, None where there is none.

    $CLOUDHOARD_TEST_PG_BIN, Debian's newest, what pg_config names, what is on PATH.
    """
    for directory in _candidates():
        if (directory / "postgres").exists() and (directory / "initdb").exists():
            return PostgresPrograms.at(directory)
    return None


def _candidates() -> list[Path]:
    if named := os.environ.get("CLOUDHOARD_TEST_PG_BIN"):
        return [Path(named)]
    found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if _number(p)]
    found.sort(key=_number, reverse=True)
    if pg_config := shutil.which("pg_config"):
        argv = [pg_config, "--bindir"]
        answer = subprocess.run(argv, capture_output=True, text=True, check=False)
        found.append(Path(answer.stdout.strip()))
    if postgres := shutil.which("postgres"):
        found.append(Path(postgres).resolve().parent)
    return found


def _number(bin_directory: Path) -> int:
    name = bin_directory.parent.name
    return int(name) if name.isdigit() else 0


def command_path(name: str) -> str:
    """Return the installed console script of one command, such as wal-archive."""
    script = f"cloudhoard-{name}"
    places = [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    for place in places:
        if (place / script).exists():
            return str(place / script)
    raise AssertionError(f"{script} is not installed beside {sys.executable}")
