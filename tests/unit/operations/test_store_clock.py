from datetime import UTC, datetime, timedelta
from typing import Final

from cloudhoard.operations.store_clock import RunningClock

STORE: Final = datetime(2020, 1, 1, tzinfo=UTC)


def test_the_store_s_clock_goes_on_from_what_it_said() -> None:
    clock = RunningClock(STORE)

    assert any(clock.now() > STORE for _ in range(1_000_000))
    assert clock.now() < STORE + timedelta(hours=1)
