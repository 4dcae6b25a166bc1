"""wal-archive in an archive that barman-cloud-wal-archive has begun."""

from pathlib import Path

import pytest

from tests.support.both_tools import BothTools
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    IDENTITY,
    OTHER_SYSTEM,
    SECOND,
    DataDirectory,
)


@pytest.fixture
def tools(tmp_path: Path) -> BothTools:
    """Barman has archived the first segment, and the directory has both."""
    tools = BothTools.found()
    data = DataDirectory(tmp_path / "data")
    data.segment(FIRST)
    data.segment(SECOND)
    line = f"wal-archive --gzip {{url}} main {data.pg_wal}/{FIRST}"
    answer = tools.run("theirs", line, tmp_path)
    assert answer.returncode == 0, answer.stderr
    return tools


def archive(tools: BothTools, directory: Path, path: Path) -> tuple[int, str]:
    answer = tools.run("ours", f"wal-archive {{url}} main {path}", directory)
    return answer.returncode, answer.stderr


def keys(tools: BothTools) -> set[str]:
    return {found.key for found in tools.bucket.open("pg/main").list_objects("")}


def test_same_segment_of_barman_s_is_not_stored_again(
    tools: BothTools, tmp_path: Path
) -> None:
    code, errors = archive(tools, tmp_path, tmp_path / "data" / "pg_wal" / FIRST)

    assert code == 0, errors
    assert keys(tools) == {f"{FIRST_KEY}.gz", IDENTITY}


def test_other_content_under_a_name_of_barman_s_is_refused(
    tools: BothTools, tmp_path: Path
) -> None:
    changed = DataDirectory(tmp_path / "changed").segment(FIRST, seed=1)

    code, errors = archive(tools, tmp_path, changed)

    assert code == 1
    assert f"{FIRST_KEY}.gz" in errors
    assert "with other content" in errors
    assert f"{FIRST_KEY}.gz" in keys(tools)
    assert f"{FIRST_KEY}.zst" not in keys(tools)


@pytest.mark.parametrize("name", [SECOND, HISTORY])
def test_another_cluster_is_told_by_the_segment_that_barman_stored(
    tools: BothTools, tmp_path: Path, name: str
) -> None:
    foreign = DataDirectory(tmp_path / "foreign", system=OTHER_SYSTEM)
    path = foreign.segment(name) if name == SECOND else foreign.file(name, HISTORY_TEXT)

    code, errors = archive(tools, tmp_path, path)

    assert code == 1
    assert f"this one has {OTHER_SYSTEM}" in errors
    assert keys(tools) == {f"{FIRST_KEY}.gz"}


def test_both_go_on_in_one_archive(tools: BothTools, tmp_path: Path) -> None:
    code, errors = archive(tools, tmp_path, tmp_path / "data" / "pg_wal" / SECOND)
    assert code == 0, errors

    for tool in ("ours", "theirs"):
        for name in (FIRST, SECOND):
            new = tmp_path / f"{tool}-{name}"
            spool = f" --spool-dir {tmp_path}/spool" if tool == "theirs" else ""
            line = f"wal-restore{spool} {{url}} main {name} {new}"
            answer = tools.run(tool, line, tmp_path)
            assert answer.returncode == 0, answer.stderr
            source = tmp_path / "data" / "pg_wal" / name
            assert new.read_bytes() == source.read_bytes()
