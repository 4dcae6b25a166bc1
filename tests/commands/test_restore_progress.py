"""The bar of a restore: where a person looks on, and nowhere else."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tests.support.faults import wait_for_file
from tests.support.stored_backup import (
    BACKUP_ID,
    HandMadeBackup,
    Volume,
    archive_below,
    first_volume,
    last_volume,
)

COMMAND = "import sys; from cloudhoard.commands.restore import main; sys.exit(main())"


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    noise = Random(1).randbytes(16 << 20)  # noqa: S311 - only not to be compressible
    volumes = [first_volume(), *(Volume.of({b"base/5/%d" % n: noise}) for n in (1, 2))]
    backup = HandMadeBackup(volumes=[*volumes, last_volume()])
    backup.store(archive_below(tmp_path / "archive"))
    return tmp_path


def run_haltingly(scene: Path, stderr: int, *options: str) -> int:
    """Restore with a pause in the middle, after which a bar has to be drawn."""
    url, target = f"file://{scene}/archive", scene / "target"
    arguments = ["--jobs", "1", *options, url, "main", BACKUP_ID, str(target)]
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    ) as process:
        wait_for_file(target / "cloudhoard.restoring")
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
    return process.returncode


def run_on_terminal(scene: Path, *options: str) -> str:
    ours, theirs = pty.openpty()
    try:
        assert run_haltingly(scene, theirs, *options) == 0
        os.set_blocking(ours, False)
        return read_all(ours)
    finally:
        os.close(ours)
        os.close(theirs)


def read_all(descriptor: int) -> str:
    output = b""
    try:
        while block := os.read(descriptor, 65536):
            output += block
    except BlockingIOError:
        pass
    return output.decode()


def test_bar_is_drawn_on_a_terminal_and_removed(scene: Path) -> None:
    output = run_on_terminal(scene)

    assert "32.0 MiB" in output
    assert "%" in output
    assert output.endswith("\r\x1b[K")


def test_quiet_means_no_bar(scene: Path) -> None:
    assert run_on_terminal(scene, "--quiet") == ""


def test_no_bar_without_a_terminal(scene: Path) -> None:
    log = scene / "stderr"
    with log.open("wb") as file:
        assert run_haltingly(scene, file.fileno()) == 0

    assert "\r" not in log.read_text()
    assert "%" not in log.read_text()
