"""The order in which a restore becomes durable, as the kernel sees it."""

import re
import subprocess
import sys
from pathlib import Path

from cloudhoard.domain.backup_info import Tablespace
from tests.support.faults import traced
from tests.support.stored_backup import (
    BACKUP_ID,
    HandMadeBackup,
    Volume,
    archive_below,
    first_volume,
    last_volume,
)

COMMAND = "import sys; from cloudhoard.commands.restore import main; sys.exit(main())"
FSYNCED = re.compile(r"fsync\(\d+<(.*)>\) += 0")
RENAMED = re.compile(r'rename(?:at2?)?\(.*"([^"]+)"[^"]*\) += 0')


def test_everything_is_durable_before_pg_control_gets_its_name(tmp_path: Path) -> None:
    volumes = [
        first_volume(),
        Volume.of({b"PG_15_1/5/1": b"row"}, item="16384"),
        last_volume(),
    ]
    backup = HandMadeBackup(
        volumes=volumes, tablespaces=(Tablespace("ts", 16384, "/srv/ts"),)
    )
    backup.store(archive_below(tmp_path / "archive"))
    target, place, log = tmp_path / "target", tmp_path / "ts", tmp_path / "log"
    # One job: with more, strace may cut a call of one thread by one of another.
    argv = [sys.executable, "-c", COMMAND, "-J1", "--tablespace", f"ts:{place}"]
    argv += [f"file://{tmp_path}/archive", "main", BACKUP_ID, str(target)]

    calls = "fsync,rename,renameat,renameat2"
    subprocess.run(traced(argv, calls, log=log), check=True, capture_output=True)

    lines = log.read_text().splitlines()
    renames = [n for n, line in enumerate(lines) if renamed(line, "global/pg_control")]
    assert len(renames) == 1
    synced = {
        match[1] for line in lines[: renames[0]] if (match := FSYNCED.search(line))
    }
    directories = {str(path) for path in tree(target) | tree(place) if path.is_dir()}
    files = {str(path) for path in tree(target) | tree(place)} - directories
    expected = {name.replace("global/pg_control", CONTROL) for name in files}
    # An fsync of postgresql.auto.conf is one of the name it had before.
    expected -= {str(target / "postgresql.auto.conf")}
    expected |= {str(target / "postgresql.auto.conf.cloudhoard-tmp")}
    assert expected - synced == set()
    assert directories - synced == set()
    after = {
        match[1] for line in lines[renames[0] :] if (match := FSYNCED.search(line))
    }
    assert after == {str(target / "global"), str(target)}


CONTROL = "global/pg_control.cloudhoard-tmp"


def renamed(line: str, name: str) -> bool:
    match = RENAMED.search(line)
    return match is not None and match[1] == name


def tree(directory: Path) -> set[Path]:
    """A directory and all in it, but what links lead to."""
    inside = {path for path in directory.rglob("*") if not path.is_symlink()}
    return {directory, *(path for path in inside if path.is_relative_to(directory))}
