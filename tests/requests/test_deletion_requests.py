"""What deletions, keeps and checks ask: little of the WAL that stays."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from cloudhoard.domain.lsn import Lsn
from cloudhoard.storage.protocol import Storage
from tests.services.seaweedfs import put_many
from tests.support.catalogs import SEGMENT_SIZE, id_at, segment
from tests.support.exchanges import calls
from tests.support.made_up_backups import made_up_info, put_identity, put_info
from tests.support.s3_commands import SERVER, S3Commands
from tests.support.stores import put, wait_for_the_next_second

POLICY: Final = ["-r", "REDUNDANCY 2"]


@pytest.fixture
def archive(s3: S3Commands) -> Storage:
    """An archive with three backups of a label and a volume."""
    storage = s3.bucket.open(f"pg/{SERVER}")
    storage.trust_conditions(honoured=True)
    put_identity(storage)
    for days, begin in ((9, 10), (6, 50), (3, 1000)):
        stopped_at = datetime.now(UTC) - timedelta(days=days)
        info = made_up_info(
            id_at(stopped_at),
            begin_wal=segment(begin),
            begin_xlog=Lsn(begin * SEGMENT_SIZE + 40),
            end_wal=segment(begin),
            end_time=stopped_at,
        )
        put_info(storage, info, id_at(stopped_at))
        put(storage, f"base/{id_at(stopped_at)}/data.tar.zst")
    return storage


def put_wal(s3: S3Commands, number: int, timeline: int = 1) -> None:
    names = (segment(n, timeline) for n in range(number))
    keys = (f"pg/{SERVER}/wals/{name[:16]}/{name}.zst" for name in names)
    put_many(s3.bucket.name, keys)


@pytest.mark.usefixtures("archive")
def test_a_policy_with_nothing_to_do_reads_labels_only(s3: S3Commands) -> None:
    asked = s3.asked("backup-delete", options=["-r", "REDUNDANCY 3"])

    assert calls(asked) == {"LIST": 2, "GET": 4}, (
        "with misplaced annotations, archive.json"
    )


def test_wal_that_stays_is_not_gone_through(s3: S3Commands, archive: Storage) -> None:
    put_wal(s3, 2500)
    wait_for_the_next_second(archive)

    asked = s3.asked("backup-delete", options=POLICY)

    of_wal = [each for each in asked if each.query.get("prefix", "").endswith("wals/")]
    assert len(of_wal) <= 6
    assert calls(asked)["DELETE-MANY"] == 1, "all WAL at once"
    left = [key for key in s3.stored() if key.startswith("wals/")]
    assert len(left) == 2450


@pytest.mark.usefixtures("archive")
def test_a_check_ends_at_the_first_thing_it_finds(s3: S3Commands) -> None:
    put_wal(s3, 2500)
    put_wal(s3, 10, timeline=2)

    assert calls(s3.asked("check-wal-archive", exit_code=1)) == {"LIST": 1}
    free = s3.asked("check-wal-archive", options=["--timeline", "3"])
    assert calls(free) == {"LIST": 4, "GET": 3}
    taken = s3.asked("check-wal-archive", options=["--timeline", "2"], exit_code=1)
    assert calls(taken) == {"LIST": 2}
