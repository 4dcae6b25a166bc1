from datetime import UTC, datetime

import pytest

from cloudhoard.domain.restored_guard import RestoredGuard
from cloudhoard.errors import InvalidFormat

GUARD = RestoredGuard(
    archive="file:///srv/backups/main",
    backup_id="20261121T052227",
    restored_at=datetime(2026, 11, 21, 6, 0, tzinfo=UTC),
)


def test_what_is_written_is_read_back() -> None:
    assert RestoredGuard.from_json(GUARD.to_json()) == GUARD


def test_keys_of_later_versions_are_left_alone() -> None:
    later = GUARD.to_json().replace(b"{", b'{"more": 1,', 1)

    assert RestoredGuard.from_json(later) == GUARD


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b'{"archive": 1, "backup_id": "a", "restored_at": "2026-11-21T06:00:00+00:00"}',
        b'{"archive": "a", "backup_id": "a", "restored_at": "2026-11-21T06:00:00"}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFormat):
        RestoredGuard.from_json(data)
