from datetime import UTC, datetime, timedelta, timezone

import pytest

from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.recovery_target import (
    Immediate,
    RecoveryTarget,
    TargetLsn,
    TargetName,
    TargetTime,
    TargetXid,
    ToTheEnd,
    has_choice_of_side,
    parse_target_lsn,
    parse_target_name,
    parse_target_time,
    parse_target_timeline,
    parse_target_xid,
    target_text,
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
    "text",
    ["", "0", "-1", "4294967296", "9" * 5000, "LATEST", "0x1", "1.0", "²", "٣"],
)
def test_what_is_no_timeline_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a timeline"):
        parse_target_timeline(text)


@pytest.mark.parametrize("text", ["16/B374D848", "16/b374d848", " 16/B374D848 "])
def test_position_is_read(text: str) -> None:
    target = parse_target_lsn(text)

    assert target == TargetLsn(Lsn(0x16_B374D848))
    assert str(target) == "16/B374D848"


@pytest.mark.parametrize("text", ["", "16", "16/", "/1", "1/123456789", "g/0", "1/2/3"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target_lsn(text)

    assert caught.value.message == f"{text!r} is not a WAL position"


@pytest.mark.parametrize(
    ("text", "xid"),
    [
        ("3", 3),
        ("742", 742),
        ("4294967295", 0xFFFFFFFF),
        # Octal for PostgreSQL, but nobody means that.
        ("010", 10),
        # As pg_current_xact_id() shows it in the second and later epochs.
        ("4294968038", 742),
        ("18446744073709551615", 0xFFFFFFFF),
    ],
)
def test_transaction_is_its_lower_32_bits(text: str, xid: int) -> None:
    target = parse_target_xid(text)

    assert target == TargetXid(xid)
    assert str(target) == str(xid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-5",
        "0x10",
        "1e3",
        "1_000",
        "12 13",
        "²",
        "٣",
        "18446744073709551616",
        "9" * 5000,
        # Never given to a transaction.
        "0",
        "1",
        "2",
        "4294967296",
        "4294967298",
    ],
)
def test_what_is_no_transaction_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not the number of a transaction"):
        parse_target_xid(text)


@pytest.mark.parametrize("name", ["x", "it's 'the' one\\", "ü" * 31 + "x", " a "])
def test_restore_point_may_have_any_name(name: str) -> None:
    assert str(parse_target_name(name)) == name


@pytest.mark.parametrize("name", ["", "x" * 64, "ü" * 32])
def test_restore_point_has_1_to_63_bytes(name: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a restore point"):
        parse_target_name(name)


def test_restore_point_that_no_file_can_hold_is_refused() -> None:
    with pytest.raises(UsageError, match="control character"):
        parse_target_name("two\nlines")


@pytest.mark.parametrize(
    ("target", "has_sides", "text"),
    [
        (ToTheEnd(), False, "the end of the WAL"),
        (TargetTime(NINE), True, "2026-11-21 09:30:00+00:00"),
        (TargetLsn(Lsn(0x3000100)), True, "0/3000100"),
        (TargetXid(742), True, "transaction 742"),
        (TargetName("x"), False, "the restore point 'x'"),
        (Immediate(), False, "the end of the backup"),
    ],
)
def test_kinds_of_targets(
    target: RecoveryTarget,
    has_sides: bool,  # noqa: FBT001 - a parameter of the test
    text: str,
) -> None:
    assert has_choice_of_side(target) is has_sides
    assert target_text(target) == text
