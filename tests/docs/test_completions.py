"""Completion in bash and zsh: the files are those of the parsers, and Tab works."""

import importlib.util
import os
import re
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.support.parsers import COMMANDS, ROOT
from tests.support.requirements import missing, program

SHARE: Final = ROOT / "share"
_PATIENCE: Final = 60
"""Seconds until a shell counts as stuck."""


def files_below(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_completions_are_those_of_the_parsers(tmp_path: Path) -> None:
    """Run scripts/make_completions.py after an option has changed."""
    if importlib.util.find_spec("shtab") is None:
        missing("shtab", "shtab is not installed: see tests/requirements.txt")
    maker = str(ROOT / "scripts" / "make_completions.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    subprocess.run([sys.executable, maker, tmp_path], check=True, env=environment)

    made, kept = files_below(tmp_path), files_below(SHARE)
    assert sorted(kept) == sorted(made)
    assert len(made) == 2 * len(COMMANDS)
    differing = [name for name, text in made.items() if kept[name] != text]
    assert differing == [], "run scripts/make_completions.py"


def bash(directory: Path) -> list[str]:
    """Return the command that starts it, in its usual state otherwise."""
    files = SHARE / "bash-completion" / "completions"
    sources = [f"source {shlex.quote(str(files / name))}" for name in COMMANDS]
    (directory / "bashrc").write_text("\n".join(["PS1='ready> '", *sources, ""]))
    return [program("bash"), "--noprofile", "--rcfile", "bashrc", "-i"]


def zsh(directory: Path) -> list[str]:
    """Return the command that starts it, in its usual state otherwise."""
    functions = shlex.quote(str(SHARE / "zsh" / "site-functions"))
    (directory / ".zshrc").write_text(
        f"PS1='ready> '\nbindkey -e\nfpath=({functions} $fpath)\n"
        "autoload -U compinit; compinit -u -D\n"
    )
    return [program("zsh"), "-d", "-i"]


def typed(shell: Sequence[str], directory: Path, text: str) -> str:
    """Return what a command line has become that a person types; \\t is Tab.

    At its end the line is made the argument of an echo.
    """
    environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "COLUMNS": "500"}
    environment |= {"HOME": str(directory), "ZDOTDIR": str(directory)}
    ours, theirs = os.openpty()
    with subprocess.Popen(
        shell,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=directory,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            shown = read_until(ours, re.compile(r"ready> "))
            os.write(ours, text.encode() + b"\x01echo line: \r")
            shown = read_until(ours, re.compile(r"[\r\n]line: (.*?)\r?\n"), shown)
        finally:
            process.kill()
            os.close(ours)
    match = re.search(r"[\r\n]line: (.*?)\r?\n", shown)
    assert match is not None
    return match[1].strip()


def read_until(terminal: int, wanted: re.Pattern[str], shown: str = "") -> str:
    """Read on from a terminal until it has shown what is wanted."""
    end = time.monotonic() + _PATIENCE
    while not wanted.search(shown):
        ready, _, _ = select.select([terminal], [], [], end - time.monotonic())
        assert ready, f"stuck after {shown!r}"
        shown += os.read(terminal, 4096).decode(errors="replace")
    return shown


@pytest.mark.parametrize("shell", [bash, zsh])
@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("cloudhoard-backup --imm\t", "cloudhoard-backup --immediate-checkpoint"),
        ("cloudhoard-restore --target-act\t", "cloudhoard-restore --target-action"),
        (
            "cloudhoard-wal-archive --public-key op\t",
            "cloudhoard-wal-archive --public-key ops.public.pem",
        ),
        ("cloudhoard-backup --log-format js\t", "cloudhoard-backup --log-format json"),
    ],
)
def test_tab_completes(
    shell: Callable[[Path], list[str]], text: str, completed: str, tmp_path: Path
) -> None:
    (tmp_path / "ops.public.pem").touch()

    assert typed(shell(tmp_path), tmp_path, text) == completed
