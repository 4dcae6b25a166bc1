"""docs/barman-cloud.md tells the exit codes that our commands have."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from cloudhoard.domain.archive_layout import keep_key, started_key
from tests.support.made_up_backups import made_up_marker, put_identity
from tests.support.parsers import ROOT
from tests.support.stored_backup import (
    BACKUP_ID,
    HandMadeBackup,
    archive_below,
    put,
)
from tests.support.wal_files import (
    FIRST,
    LABEL,
    OTHER_SYSTEM,
    SECOND,
    THIRD,
    DataDirectory,
    archive,
)

PAGE: Final = ROOT / "docs" / "barman-cloud.md"
ABSENT: Final = "20200101T000000"
AFTER: Final = "--target-time 2020-01-01T00:00:00Z"

COMMAND_LINES: Final = {
    "any": {
        "`--help`, `--version`": "backup-list --version",
        "wrong command line": "backup-list --bogus {url} main",
        "URL of no store": "backup-list archive main",
        "store that this version does not have": "backup-list gs://bucket main",
        "container missing": "backup-list {url}/none main",
        "unknown AWS profile": "backup-list -P nobody s3://bucket main",
        "no credentials": "backup-list s3://bucket main",
        "`--test`, all is well": "backup-list -t {url} main",
        "`--test`, container missing": "backup-list -t {url}/none main",
        "`SERVER_NAME` that is a path": "backup-list {url} main/x",
    },
    "wal-archive": {
        "`WAL_PATH` missing": "wal-archive {url} wal",
        "not the name of a WAL file": "wal-archive {url} wal pg_wal/x",
        "file absent": "wal-archive {url} wal {wal}/" + THIRD,
        "stored already, the same": "wal-archive {url} wal {wal}/" + FIRST,
        "stored already, other content": "wal-archive {url} wal {other}/" + FIRST,
        "file of another cluster": "wal-archive {url} wal {foreign}/" + SECOND,
        "file that is no WAL": "wal-archive {url} wal {other}/" + THIRD,
        "as hook script of a Barman server": "wal-archive {url} wal",
    },
    "wal-restore": {
        "found": f"wal-restore {{url}} wal {FIRST} {{new}}/x",
        "not in the archive": f"wal-restore {{url}} wal {THIRD} {{new}}/x",
        "backup label requested": f"wal-restore {{url}} wal {LABEL} {{new}}/x",
        "only a partial segment, `--no-partial`": (
            f"wal-restore --no-partial {{url}} wal {SECOND} {{new}}/x"
        ),
        "not the name of a WAL file": "wal-restore {url} wal x {new}/x",
        "object cut short": f"wal-restore {{url}} cut {FIRST} {{new}}/x",
        "destination cannot be written": (
            f"wal-restore {{url}} wal {FIRST} {{new}}/no/x"
        ),
        "object cut short, in archive recovery": (
            f"wal-restore {{url}} cut {FIRST} {{wal}}/RECOVERYXLOG"
        ),
        "container missing, in archive recovery": (
            f"wal-restore {{url}}/none cut {FIRST} {{wal}}/RECOVERYXLOG"
        ),
        "wrong command line, in archive recovery": (
            f"wal-restore --bogus {{url}} cut {FIRST} {{wal}}/RECOVERYXLOG"
        ),
        "missing with later segments there, in archive recovery": (
            f"wal-restore {{url}} hole {FIRST} {{wal}}/RECOVERYXLOG"
        ),
    },
    "backup": {
        "PostgreSQL cannot be reached": "backup -h {tmp} {url} main",
        "name that looks like an id": f"backup -n {BACKUP_ID} {{url}} main",
        "options that exclude each other": "backup --gzip --lz4 {url} main",
        "option for disk snapshots": "backup --snapshot-disk x {url} main",
    },
    "backup-list": {
        "unknown server in a directory": "backup-list {url} nobody",
        "backup.info that cannot be read": "backup-list {url} unreadable",
    },
    "backup-show": {
        "absent id": f"backup-show {{url}} main {ABSENT}",
        "unknown name": "backup-show {url} main weekly",
    },
    "backup-keep": {
        "`--status`, absent id": f"backup-keep -s {{url}} main {ABSENT}",
        "`--release`, not kept": f"backup-keep -r {{url}} main {BACKUP_ID}",
        "`--target`, absent id": f"backup-keep --target full {{url}} main {ABSENT}",
        "`--target`, not complete": (
            f"backup-keep --target full {{url}} unfinished {BACKUP_ID}"
        ),
        "unknown name": "backup-keep -s {url} main weekly",
    },
    "backup-delete": {
        "kept": f"backup-delete -b {BACKUP_ID} {{url}} kept",
        "absent id": f"backup-delete -b {ABSENT} {{url}} main",
        "unknown name": "backup-delete -b weekly {url} main",
        "wrong policy": "backup-delete -r SOME {url} main",
        "`--dry-run`": f"backup-delete --dry-run -b {BACKUP_ID} {{url}} main",
        "below `--minimum-redundancy`": (
            f"backup-delete -m 1 -b {BACKUP_ID} {{url}} main"
        ),
    },
    "check-wal-archive": {
        "empty": "check-wal-archive {url} nobody",
        "in use": "check-wal-archive {url} wal",
        "container missing": "check-wal-archive {url}/none main",
    },
    "restore": {
        "absent id": f"restore {{url}} main {ABSENT} {{new}}/r",
        "unknown name": "restore {url} main weekly {new}/r",
        "`auto` finds nothing": f"restore {AFTER} {{url}} main auto {{new}}/r",
        "directory not empty": f"restore {{url}} main {BACKUP_ID} {{tmp}}",
        "volume missing": f"restore {{url}} missing {BACKUP_ID} {{new}}/r",
        "volume cut short": f"restore {{url}} damaged {BACKUP_ID} {{new}}/r",
        "wrong `--tablespace`": "restore --tablespace x {url} main latest {new}/r",
    },
}
LIBRARY: Final = ("any", "store's library not installed")
UNTRIED: Final = {
    ("any", "store refuses the credentials"),
    ("any", "store cannot be reached"),
    ("any", "`--test`, store cannot be reached"),
    ("any", "SIGTERM"),
}
"""A store in trouble and the like: tests of their own have these."""


def rows() -> dict[tuple[str, str], int]:
    """Our exit code by command and situation."""
    found = re.findall(
        r"(?m)^\| ([a-z-]+) \| ([^|]+) \| [^|]+ \| (\d+) \|[^|]*\|$", PAGE.read_text()
    )
    return {(command, situation): int(code) for command, situation, code in found}


CASES: Final = [
    pytest.param(line, command, situation, id=f"{command}: {situation}")
    for command, lines in COMMAND_LINES.items()
    for situation, line in lines.items()
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Archives in every state that the rows speak of."""
    tmp = tmp_path_factory.mktemp("page")
    container = tmp / "archive"
    container.mkdir()
    data = DataDirectory(tmp / "data")
    other = DataDirectory(tmp / "other")
    foreign = DataDirectory(tmp / "foreign", system=OTHER_SYSTEM)
    other.segment(FIRST, seed=1)
    other.file(THIRD, b"x" * other.segment_size)
    foreign.segment(SECOND)
    label = data.file(LABEL, b"START WAL LOCATION: 0/100028\n")
    stored = [
        archive(container / "wal", data.segment(FIRST)),
        archive(container / "wal", data.segment(f"{SECOND}.partial")),
        archive(container / "wal", label),
        archive(container / "cut", data.segment(FIRST)),
        archive(container / "hole", data.segment(SECOND)),
    ]
    assert stored == [0] * 5
    cut_short(container / "cut" / "wals", FIRST)
    data.signal("recovery.signal")
    for server in ("main", "missing", "damaged", "unreadable", "kept"):
        HandMadeBackup().store(archive_below(container, server))
    (container / "missing" / "base" / BACKUP_ID / "data_0001.tar.zst").unlink()
    cut_short(container / "damaged" / "base", "data_0001.tar")
    cut_short(container / "unreadable" / "base", "backup.info", keep=10)
    put(archive_below(container, "kept"), keep_key(BACKUP_ID), b"full")
    unfinished = archive_below(container, "unfinished")
    put_identity(unfinished)
    put(unfinished, started_key(BACKUP_ID), made_up_marker().to_json())
    return {
        "tmp": str(tmp),
        "url": f"file://{container}",
        "wal": str(data.pg_wal),
        "other": str(other.pg_wal),
        "foreign": str(foreign.pg_wal),
    }


def cut_short(directory: Path, name: str, *, keep: int = -10) -> None:
    (path,) = directory.rglob(f"{name}*")
    path.write_bytes(path.read_bytes()[:keep])


WITHOUT_BOTOCORE: Final = """
import sys
sys.modules["botocore"] = None
from cloudhoard.commands.backup_list import main
sys.exit(main(["s3://bucket", "main"]))
"""


def test_store_whose_library_is_not_installed() -> None:
    run = [sys.executable, "-c", WITHOUT_BOTOCORE]
    ended = subprocess.run(run, capture_output=True, text=True, check=False)

    assert ended.returncode == rows()[LIBRARY]
    assert "s3:// needs the Python package botocore" in ended.stderr
    assert "hint: pip install 'cloudhoard[s3]'" in ended.stderr


def test_every_row_is_tried_or_known_not_to_be() -> None:
    tried = {(command, name) for command, x in COMMAND_LINES.items() for name in x}

    assert rows().keys() == tried | UNTRIED | {LIBRARY}


@pytest.mark.parametrize(("line", "command", "situation"), CASES)
def test_exit_code_is_the_one_that_the_page_tells(
    line: str,
    command: str,
    situation: str,
    places: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    if "hook" in situation:
        monkeypatch.setenv("BARMAN_HOOK", "archive_script")
        monkeypatch.setenv("BARMAN_PHASE", "pre")
    name, *words = shlex.split(line.format(new=tmp_path, **places))
    module = importlib.import_module(f"cloudhoard.commands.{name.replace('-', '_')}")

    assert module.main(words) == rows()[command, situation]
