"""What backup-list and backup-show ask: nothing of the WAL, and little of a backup."""

from datetime import timedelta
from typing import Final

import pytest

from cloudhoard.domain.archive_layout import IDENTITY_KEY, keep_key
from cloudhoard.storage.protocol import Storage
from tests.services.seaweedfs import put_many
from tests.support.exchanges import calls
from tests.support.made_up_backups import STOPPED_AT, made_up_info, put_info
from tests.support.s3_commands import SERVER, S3Commands
from tests.support.stores import put

BACKUPS: Final = 20
A_PAGE: Final = 1000
"""Keys in one answer to a LIST."""
IDS: Final = [f"202611{n + 1:02d}T052227" for n in range(BACKUPS)]


@pytest.fixture
def archive(s3: S3Commands) -> Storage:
    """An archive with backups of made up labels, and no volumes."""
    storage = s3.bucket.open(f"pg/{SERVER}")
    storage.trust_conditions(honoured=True)
    put(storage, IDENTITY_KEY)
    for number, backup_id in enumerate(IDS):
        at = STOPPED_AT + timedelta(hours=number)
        info = made_up_info(backup_id, begin_time=at, end_time=at)
        put_info(storage, info, backup_id)
    return storage


def put_wal(s3: S3Commands, number: int) -> None:
    """Store so many segments, 256 of which are in one directory."""
    names = (f"00000001{n // 256:08X}{n % 256:08X}" for n in range(number))
    put_many(
        s3.bucket.name,
        (f"pg/{SERVER}/wals/{name[:16]}/{name}.zst" for name in names),
    )


@pytest.mark.parametrize("wal", [2500, pytest.param(100_000, marks=[pytest.mark.soak])])
@pytest.mark.usefixtures("archive")
def test_list_asks_for_backups_only_however_much_wal_there_is(
    s3: S3Commands, wal: int
) -> None:
    put_wal(s3, wal)

    asked = s3.asked("backup-list")

    assert calls(asked) == {"LIST": 1, "GET": BACKUPS}
    assert asked[0].query["prefix"] == f"pg/{SERVER}/base/"
    assert all(each.path.endswith("/backup.info") for each in asked[1:])


@pytest.mark.usefixtures("archive")
def test_labels_are_fetched_side_by_side(s3: S3Commands) -> None:
    with s3.proxy.held("^GET .*/backup.info") as gate:
        listing = s3.spawn("backup-list")
        gate.wait_for(2)
    output, errors = listing.communicate(timeout=60)

    assert (listing.returncode, errors) == (0, "")
    assert len(output.splitlines()) == BACKUPS + 1


def test_list_reads_annotations_of_kept_backups_only(
    s3: S3Commands, archive: Storage
) -> None:
    put(archive, keep_key(IDS[3]), b"full")

    asked = s3.asked("backup-list")

    assert calls(asked) == {"LIST": 1, "GET": BACKUPS + 1}
    kept = [each.path for each in asked if each.path.endswith("/keep")]
    assert len(kept) == 1


def test_list_of_backups_with_many_volumes_takes_a_page_for_each_thousand(
    s3: S3Commands, archive: Storage
) -> None:
    del archive
    volumes = (f"data_{n:04d}.tar.zst" for n in range(2 * A_PAGE))
    put_many(
        s3.bucket.name,
        (f"pg/{SERVER}/base/{IDS[0]}/{name}" for name in volumes),
    )

    assert calls(s3.asked("backup-list")) == {"LIST": 3, "GET": BACKUPS}


@pytest.mark.usefixtures("archive")
def test_show_by_id_asks_for_that_backup_only(s3: S3Commands) -> None:
    listing, label = s3.asked("backup-show", IDS[3])

    assert listing.query["prefix"] == f"pg/{SERVER}/base/{IDS[3]}/"
    assert label.path.endswith(f"/{IDS[3]}/backup.info")


@pytest.mark.usefixtures("archive")
def test_show_by_word_asks_as_list_does(s3: S3Commands) -> None:
    asked = s3.asked("backup-show", "latest")

    assert calls(asked) == {"LIST": 1, "GET": BACKUPS}
