from datetime import timedelta, timezone

import pytest

from cloudhoard.domain.started_marker import StartedMarker
from cloudhoard.errors import InvalidFormat
from tests.support.made_up_backups import BACKUP_ID, made_up_marker


@pytest.mark.parametrize("name", [None, "wöchentlich"])
def test_marker_reads_what_it_wrote(name: str | None) -> None:
    marker = made_up_marker(backup_name=name)

    assert StartedMarker.from_json(marker.to_json(), backup_id=BACKUP_ID) == marker


def test_times_are_written_in_utc() -> None:
    marker = made_up_marker()
    zone = timezone(timedelta(hours=-8))
    local = made_up_marker(started_at=marker.started_at.astimezone(zone))

    assert local.to_json() == marker.to_json()
    assert b'"started_at":"2026-11-21T05:22:26.172874+00:00"' in marker.to_json()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (BACKUP_ID.encode(), b"20261121T052228"),
        (b"+00:00", b""),
        (b"2026-11-21T", b"0001-01-01T"),
        (b'"000000010000000000000002"', b'"../../etc"'),
        (b'"run_id":"00', b'"run_id":"xx'),
        (b'"process_id":4711', b'"process_id":"4711"'),
        (b'"host":"db1"', b'"host":{}'),
        (b'"format_version":1,', b""),
    ],
)
def test_forged_markers_are_refused(old: bytes, new: bytes) -> None:
    data = made_up_marker().to_json()
    if old == b"2026-11-21T":
        data = data.replace(b"+00:00", b"+14:00")
    assert old in data

    with pytest.raises(InvalidFormat) as caught:
        StartedMarker.from_json(data.replace(old, new), backup_id=BACKUP_ID)

    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()
