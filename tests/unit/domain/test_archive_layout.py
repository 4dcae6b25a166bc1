from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.archive_layout import (
    EXTENSIONS,
    VolumeName,
    WalObject,
    backup_id_of,
    check_server_name,
    config_key,
    conflicting_partial_key,
    is_backup_id,
    keep_key,
    manifest_key,
    new_backup_id,
    newest_backup_id,
    parse_volume_key,
    parse_wal_key,
    volume_key,
    wal_key,
)
from cloudhoard.errors import UsageError

SEGMENT = "0000000100000002000000FF"
BACKUP = "20261121T052227"
NOW = datetime(2026, 11, 21, 5, 22, 27, 999_999, tzinfo=UTC)

suffixes = st.tuples(
    st.sampled_from(["", *EXTENSIONS]), st.sampled_from(["", ".enc"])
).map("".join)


@pytest.mark.parametrize("name", ["main", "a.b-c_D9", "...", "-"])
def test_server_names_of_safe_characters_are_taken(name: str) -> None:
    assert check_server_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ä", "main\n", "a\0"])
def test_server_names_that_are_no_single_component_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a server name"):
        check_server_name(name)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (SEGMENT, f"wals/0000000100000002/{SEGMENT}"),
        (f"{SEGMENT}.partial", f"wals/0000000100000002/{SEGMENT}.partial"),
        (
            f"{SEGMENT}.00000028.backup",
            f"wals/0000000100000002/{SEGMENT}.00000028.backup",
        ),
        ("00000002.history", "wals/00000002.history"),
    ],
)
def test_wal_files_lie_where_barman_puts_them(name: str, key: str) -> None:
    assert wal_key(name) == key
    assert parse_wal_key(f"{key}.zst.enc") == WalObject(name, ".zst.enc")


@pytest.mark.parametrize(
    "key",
    [
        f"wals/{SEGMENT}",  # not in its directory
        f"wals/0000000100000003/{SEGMENT}",
        f"wals/0000000100000002/{SEGMENT}.zip",
        f"wals/0000000100000002/{SEGMENT}.enc.zst",
        f"wals/0000000100000002/{SEGMENT}\n",
        "wals/0000000100000002/00000002.history",
        "wals/0000000100000002/",
        f"base/{BACKUP}/backup.info",
        "wals/00000002.history.gz.gz",
    ],
)
def test_what_is_not_an_archived_wal_file_is_passed_over(key: str) -> None:
    assert parse_wal_key(key) is None


@given(
    number=st.integers(0, 2**96 - 1),
    more=st.sampled_from(["", ".partial", ".00000028.backup"]),
    suffix=suffixes,
)
def test_wal_keys_lead_back_to_name_and_suffix(
    number: int, more: str, suffix: str
) -> None:
    name = f"{number:024X}{more}"

    assert parse_wal_key(wal_key(name) + suffix) == WalObject(name, suffix)


@pytest.mark.parametrize(
    ("item", "index", "suffix", "key"),
    [
        ("data", 0, "", f"base/{BACKUP}/data.tar"),
        ("data", 1, ".zst", f"base/{BACKUP}/data_0001.tar.zst"),
        ("16384", 0, ".gz", f"base/{BACKUP}/16384.tar.gz"),
        ("16384", 12345, "", f"base/{BACKUP}/16384_12345.tar"),
        ("data", 0, ".zst.enc", f"base/{BACKUP}/volume.data.tar.zst.enc"),
        ("16384", 2, ".enc", f"base/{BACKUP}/volume.16384_0002.tar.enc"),
    ],
)
def test_volumes_have_barmans_names_unless_they_are_encrypted(
    item: str, index: int, suffix: str, key: str
) -> None:
    assert volume_key(BACKUP, item, index, suffix) == key
    assert parse_volume_key(key) == VolumeName(BACKUP, item, index, suffix)


@given(
    item=st.just("data") | st.integers(1, 2**32 - 1).map(str),
    index=st.integers(0, 999_999_999),
    suffix=suffixes,
)
def test_volume_keys_lead_back_to_the_volume(
    item: str, index: int, suffix: str
) -> None:
    name = VolumeName(BACKUP, item, index, suffix)

    assert parse_volume_key(volume_key(BACKUP, item, index, suffix)) == name


@pytest.mark.parametrize(
    "name",
    [
        "volume.data.tar.zst",
        "data.tar.zst.enc",
        "data_0000.tar",
        "data_1.tar",
        "0.tar",
        "data.tar.zip",
        "data.tar/x",
        "config.tar",
        "backup.info",
        "../data.tar",
    ],
)
def test_a_volume_has_one_name_only(name: str) -> None:
    assert parse_volume_key(f"base/{BACKUP}/{name}") is None


def test_every_object_lies_where_the_format_says() -> None:
    assert manifest_key(BACKUP, encrypted=False) == f"base/{BACKUP}/backup_manifest.zst"
    assert manifest_key(BACKUP, encrypted=True).endswith("/backup_manifest.zst.enc")
    assert config_key(BACKUP, ".zst") == f"base/{BACKUP}/config.tar.zst"
    assert keep_key(BACKUP) == f"base/{BACKUP}/annotations/keep"
    assert conflicting_partial_key(f"{SEGMENT}.partial", "0123456789abcdef") == (
        f"cloudhoard/partial/{SEGMENT}.partial.0123456789abcdef"
    )


@pytest.mark.parametrize(
    ("key", "backup_id"),
    [
        (f"base/{BACKUP}/backup.info", BACKUP),
        (f"base/{BACKUP}/annotations/keep", BACKUP),
        (f"base/{BACKUP}", None),
        ("base/badid/backup.info", None),
        (f"wals/{BACKUP}/x", None),
        ("base//backup.info", None),
    ],
)
def test_the_backup_of_an_object_is_the_directory_it_lies_in(
    key: str, backup_id: str | None
) -> None:
    assert backup_id_of(key) == backup_id


@pytest.mark.parametrize(
    "text", ["20261121T05222", "20261121T0522277", "latest", "٢" * 8]
)
def test_ids_have_one_shape(text: str) -> None:
    assert not is_backup_id(text)
    assert is_backup_id(BACKUP)


def test_the_first_backup_is_called_after_the_second_it_begins_in() -> None:
    berlin = timezone(timedelta(hours=1))

    assert new_backup_id(NOW, None) == BACKUP
    assert new_backup_id(NOW.astimezone(berlin), None) == BACKUP


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        pytest.param("20261121T052226", BACKUP, id="earlier"),
        pytest.param(BACKUP, "20261121T052228", id="same second"),
        pytest.param("20261121T192227", "20261121T192228", id="local clock of UTC+14"),
        pytest.param("20261121T192228", BACKUP, id="clock that was wrong"),
        pytest.param("99991231T235959", BACKUP, id="end of the calendar"),
        pytest.param("20269999T999999", BACKUP, id="no date"),
    ],
)
def test_an_id_is_later_than_the_newest_that_a_right_clock_can_have_made(
    newest: str, expected: str
) -> None:
    assert new_backup_id(NOW, newest) == expected


def test_ids_of_a_wrong_clock_do_not_hide_the_newest_that_counts() -> None:
    existing = [
        "20261121T052230",
        "20301121T052227",
        "20261121T010000",
        "20269999T999999",
    ]

    newest = newest_backup_id(existing, NOW)

    assert newest == "20261121T052230"
    assert new_backup_id(NOW, newest) == "20261121T052231"
    assert newest_backup_id([], NOW) is None
