"""The exit codes that docs/barman-cloud.md says both tools have."""

import re
from pathlib import Path
from typing import Final

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding
from cloudhoard.domain.archive_layout import keep_key, wal_key
from tests.support.both_tools import BothTools
from tests.support.parsers import ROOT
from tests.support.stored_backup import BACKUP_ID, HandMadeBackup, put
from tests.support.wal_files import FIRST, THIRD, DataDirectory

PAGE: Final = ROOT / "docs" / "barman-cloud.md"
ROW: Final = re.compile(r"\| ([\w-]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
ABSENT: Final = "20200101T000000"

COMMAND_LINES: Final = {
    ("any", "`--help`, `--version`"): "backup-list --version",
    ("any", "wrong command line"): "backup-list --bogus {url} main",
    ("any", "URL of no store"): "backup-list archive main",
    ("any", "`--test`, all is well"): "backup-list -t {url} main",
    ("any", "`--test`, container missing"): "backup-list -t s3://no-such main",
    ("wal-archive", "not the name of a WAL file"): "wal-archive {url} main pg_wal/x",
    ("wal-archive", "file absent"): "wal-archive {url} main {tmp}/" + THIRD,
    (
        "wal-restore",
        "found",
    ): f"wal-restore --spool-dir {{tmp}}/s {{url}} wal {FIRST} {{new}}",
    (
        "wal-restore",
        "not in the archive",
    ): f"wal-restore --spool-dir {{tmp}}/s {{url}} wal {THIRD} {{new}}",
    (
        "wal-restore",
        "not the name of a WAL file",
    ): "wal-restore --spool-dir {tmp}/s {url} main x {new}",
    ("backup", "name that looks like an id"): f"backup -n {BACKUP_ID} {{url}} main",
    ("backup-show", "absent id"): f"backup-show {{url}} main {ABSENT}",
    ("backup-show", "unknown name"): "backup-show {url} main weekly",
    (
        "backup-keep",
        "`--release`, not kept",
    ): f"backup-keep -r {{url}} main {BACKUP_ID}",
    ("backup-keep", "`--target`, absent id"): (
        f"backup-keep --target full {{url}} main {ABSENT}"
    ),
    ("backup-delete", "kept"): f"backup-delete -b {BACKUP_ID} {{url}} kept",
    ("backup-delete", "absent id"): f"backup-delete -b {ABSENT} {{url}} main",
    ("backup-delete", "unknown name"): "backup-delete -b weekly {url} main",
    ("backup-delete", "wrong policy"): "backup-delete -r SOME {url} main",
    ("backup-delete", "`--dry-run`"): (
        f"backup-delete --dry-run -b {BACKUP_ID} {{url}} main"
    ),
    ("check-wal-archive", "empty"): "check-wal-archive {url} nobody",
    ("check-wal-archive", "in use"): "check-wal-archive {url} wal",
    ("restore", "absent id"): f"restore {{url}} main {ABSENT} {{new}}",
    ("restore", "directory not empty"): f"restore {{url}} main {BACKUP_ID} {{tmp}}",
    ("restore", "volume missing"): f"restore {{url}} missing {BACKUP_ID} {{new}}",
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> BothTools:
    """Servers as the command lines name them."""
    tools = BothTools.found()
    bucket = tools.bucket
    backup = HandMadeBackup(encoding=Encoding(Compression("gzip", 6)))
    segment = DataDirectory(tmp_path_factory.mktemp("data")).segment(FIRST)
    for server in ("main", "kept", "missing"):
        storage = bucket.open(f"pg/{server}")
        backup.store(storage)
    put(bucket.open("pg/wal"), wal_key(FIRST), segment.read_bytes())
    put(bucket.open("pg/kept"), keep_key(BACKUP_ID), b"full")
    bucket.open("pg/missing").delete_objects([f"base/{BACKUP_ID}/data.tar.gz"])
    return tools


def rows() -> dict[tuple[str, str], tuple[str, str]]:
    """Return what the page says: barman-cloud's code and ours."""
    found = (match.groups() for match in ROW.finditer(PAGE.read_text()))
    return {(name, what): (theirs, ours) for name, what, theirs, ours in found}


@pytest.mark.parametrize("row", COMMAND_LINES, ids=" ".join)
def test_page_is_right_about_both(
    tools: BothTools, tmp_path: Path, row: tuple[str, str]
) -> None:
    theirs, ours = rows()[row]
    (tmp_path / "not-empty").touch()

    for tool, expected in (("theirs", theirs), ("ours", ours)):
        answer = tools.run(tool, COMMAND_LINES[row], tmp_path)
        assert str(answer.returncode) == expected, f"{tool}: {answer.stderr}"
        (tmp_path / "new").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "line",
    [
        f"backup-keep --status {{url}} kept {BACKUP_ID}",
        f"backup-keep --status {{url}} main {BACKUP_ID}",
        f"backup-keep --target standalone {{url}} missing {BACKUP_ID}",
        f"backup-keep --release {{url}} missing {BACKUP_ID}",
        "check-wal-archive {url} nobody",
        f"wal-restore --spool-dir {{tmp}}/s {{url}} wal {FIRST} {{new}}",
    ],
)
def test_both_print_the_same(tools: BothTools, tmp_path: Path, line: str) -> None:
    theirs = tools.run("theirs", line, tmp_path)
    (tmp_path / "new").unlink(missing_ok=True)
    ours = tools.run("ours", line, tmp_path)

    assert (ours.returncode, ours.stdout) == (0, theirs.stdout), ours.stderr
    assert theirs.returncode == 0
