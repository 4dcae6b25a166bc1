"""Tags are on the objects, as a client of the store's own reads them."""

from pathlib import Path

import pytest

from tests.s3.conftest import MakeS3
from tests.support.s3_commands import S3Commands
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    DataDirectory,
)


def tags_of(s3: S3Commands, key: str) -> dict[str, str]:
    place = {"Bucket": s3.bucket.name, "Key": f"pg/main/{key}"}
    found = s3.bucket.client.get_object_tagging(**place)
    return {tag["Key"]: tag["Value"] for tag in found.get("TagSet", [])}


def archive(s3: S3Commands, path: Path, *options: str) -> None:
    ended = s3.attempt("wal-archive", path, options=options)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("server", ["SeaweedFS", "Ceph"])
def test_tags_and_those_of_history_files(
    make_s3: MakeS3, data: DataDirectory, server: str
) -> None:
    s3 = make_s3(server)
    options = ["--tag", "kind,a b=c+d", "--tag", "team,x@y", "--history-tag", "h,1"]
    archive(s3, data.segment(FIRST), *options)
    # Only now: before, it would end the timeline in the middle of the segment.
    archive(s3, data.file(HISTORY, HISTORY_TEXT), *options)

    assert tags_of(s3, f"{FIRST_KEY}.zst") == {"kind": "a b=c+d", "team": "x@y"}
    (history,) = [key for key in s3.stored() if HISTORY in key]
    assert tags_of(s3, history) == {"h": "1"}


@pytest.mark.parametrize(
    ("server", "expected"),
    [("SeaweedFS", {"kind": "wal", "team": "x"}), ("Ceph", {})],
    ids=["SeaweedFS", "Ceph, which drops them"],
)
def test_tags_of_objects_in_parts_and_the_older_form(
    make_s3: MakeS3, tmp_path: Path, server: str, expected: dict[str, str]
) -> None:
    s3 = make_s3(server)
    data = DataDirectory(tmp_path / "large", segment_size=128 << 20)
    options = ["--tags", "kind,wal", '"team","x"', "--compression=none"]

    archive(s3, data.segment(FIRST), *options)

    assert tags_of(s3, FIRST_KEY) == expected
