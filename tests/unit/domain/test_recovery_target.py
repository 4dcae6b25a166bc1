from datetime import UTC, datetime, timedelta, timezone

import pytest

from cloudhoard.domain.recovery_target import (
    TargetTime,
    parse_target_time,
    parse_target_timeline,
)
from cloudhoard.errors import UsageError

NINE = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def in_berlin(naive: datetime) -> datetime:
    return naive.replace(tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-21T09:30:00Z", NINE),
        ("2026-11-21 09:30:00 UTC", NINE),
        ("2026-11-21 09:30z", NINE),
        ("2026-11-21 10:30:00+01", NINE),
        ("2026-11-21 10:30:00 +01:00", NINE),
        ("2026-11-21 04:00:00-0530", NINE),
        ("20261121T093000Z", NINE),
        ("2026-11-21 09:30:00.25+00", NINE.replace(microsecond=250_000)),
        (" 2026-11-21 09:30:00 GMT ", NINE),
    ],
)
def test_time_with_an_offset_is_read(text: str, instant: datetime) -> None:
    assert parse_target_time(text, localized=in_berlin) == TargetTime(instant)


def test_time_is_given_to_postgresql_in_utc() -> None:
    target = parse_target_time("2026-11-21 10:30:00.5+01", localized=in_berlin)

    assert str(target) == "2026-11-21 09:30:00.500000+00:00"


def test_naive_time_is_refused_with_what_barman_would_make_of_it() -> None:
    with pytest.raises(UsageError) as caught:
        parse_target_time("2026-11-21 10:30:00", localized=in_berlin)

    assert caught.value.message == (
        "target time '2026-11-21 10:30:00' does not say its time zone"
    )
    assert caught.value.hint == (
        "add the offset from UTC; barman would take this host's zone: "
        "'2026-11-21 10:30:00+01:00'"
    )


def test_naive_time_at_the_edge_of_the_calendar_is_refused_too() -> None:
    with pytest.raises(UsageError, match="does not say its time zone"):
        parse_target_time("0001-01-01 00:00:00", localized=datetime.astimezone)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "yesterday",
        "2026-11-21",
        "2026-11-21+01",
        "2026-13-21 10:30:00Z",
        "2026-11-21 25:30:00Z",
        "2026-11-21 10:30:00 CET",
        "2026-11-21 10:30:00Z'; --",
        "0001-01-01 00:00:00+14:00",
        "1795253400",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target_time(text, localized=in_berlin)

    assert caught.value.message == f"{text!r} is not a date and time"
    assert caught.value.hint == "write it as 2026-11-21 09:30:00+00:00"


@pytest.mark.parametrize(
    ("text", "timeline"),
    [
        ("latest", "latest"),
        ("current", "current"),
        ("1", 1),
        ("17", 17),
        ("4294967295", 0xFFFFFFFF),
    ],
)
def test_timeline_is_read(text: str, timeline: str | int) -> None:
    assert parse_target_timeline(text) == timeline


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "4294967296", "LATEST", "0x1", "1.0", "²", "٣"]
)
def test_what_is_no_timeline_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a timeline"):
        parse_target_timeline(text)
