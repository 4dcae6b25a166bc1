from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.backup_info import (
    BARMAN_KEYS,
    BackupInfo,
    BackupSignature,
    BackupStatus,
    Tablespace,
    append_signature,
    split_signature,
)
from cloudhoard.domain.lsn import Lsn
from cloudhoard.errors import InvalidFormat
from tests.support.made_up_backups import made_up_info

BARMAN: Final = (
    Path(__file__).parents[2] / "golden" / "barman" / "backup.info"
).read_text()


def test_barmans_file_is_written_again_byte_for_byte() -> None:
    assert BackupInfo.parse(BARMAN).render() == BARMAN


def test_barmans_values_have_their_types() -> None:
    info = BackupInfo.parse(BARMAN)

    assert info.status is BackupStatus.DONE
    assert info.backup_label is not None
    assert info.backup_label.endswith("\nSTART TIMELINE: 1\n")
    assert info.begin_xlog == Lsn.parse("0/3000028")
    assert info.end_time == datetime(2026, 11, 21, 5, 22, 28, 172874, tzinfo=UTC)
    assert info.systemid == 7710490735113798557
    assert info.tablespaces == (Tablespace("t1", 16384, "/srv/ts1"),)
    assert info.copy_stats is not None
    assert info.copy_stats["number_of_workers"] == 2
    assert info.included_files == ()
    assert info.cloudhoard is None


def test_ours_has_barmans_keys_in_their_order_and_one_line_of_our_own() -> None:
    lines = made_up_info(backup_name="weekly", snapshots_info={}).render().splitlines()

    assert [line.partition("=")[0] for line in lines[:-1]] == list(BARMAN_KEYS)
    assert list(BARMAN_KEYS) == sorted(BARMAN_KEYS)
    assert lines[-1].startswith('#cloudhoard {"format_version":1,"backup_id":"2026')


text = st.text(st.characters(exclude_categories=["C", "Z"])).filter(
    lambda each: each != "None"
)
paths = st.text(st.characters(codec=None), min_size=1)
instants = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis wants it so
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]),
)
sizes = st.none() | st.integers(0, 2**63)


@given(
    made=st.builds(
        made_up_info,
        backup_label=st.none() | paths,
        backup_name=st.none() | text,
        begin_time=st.none() | instants,
        end_time=instants,
        begin_xlog=st.none() | st.builds(Lsn, st.integers(0, 2**64 - 1)),
        cluster_size=sizes,
        size=sizes,
        error=st.none() | text,
        included_files=st.lists(paths).map(tuple),
        children_backup_ids=st.lists(
            st.sampled_from(["20261121T052227", "20261121T052228"])
        ).map(tuple),
        status=st.sampled_from(BackupStatus),
        systemid=st.none() | st.integers(0, 2**64 - 1),
        tablespaces=st.lists(
            st.builds(Tablespace, paths, st.integers(1, 2**32 - 1), paths)
        ).map(tuple),
        copy_stats=st.none() | st.dictionaries(paths, st.integers(0, 9)),
        xlog_segment_size=st.sampled_from([1 << 20, 1 << 24, 1 << 30]),
    )
)
def test_reads_what_it_wrote(made: BackupInfo) -> None:
    assert BackupInfo.parse(made.render()) == made
    assert BackupInfo.from_bytes(made.render().encode()) == made


def test_only_the_lines_that_barman_leaves_out_are_left_out() -> None:
    keys = [line.partition("=")[0] for line in BackupInfo().render().splitlines()]

    assert set(BARMAN_KEYS) - set(keys) == {"backup_name", "snapshots_info"}


def test_text_that_could_forge_a_line_is_escaped() -> None:
    error = "connection lost\nstatus=DONE\r\x1b[2J\u2028\udcff"

    written = made_up_info(status=BackupStatus.FAILED, error=error).render()

    read = BackupInfo.parse(written)
    assert read.status is BackupStatus.FAILED
    assert read.error == "connection lost\\nstatus=DONE\\r\\x1b[2J\\u2028\\udcff"


def test_control_characters_in_a_forged_file_do_not_come_through() -> None:
    forged = BARMAN.replace("backup_name=mybkp", "backup_name=my\x1b]0;bkp\x07\x9b1m")

    assert BackupInfo.parse(forged).backup_name == "my\\x1b]0;bkp\\x07\\x9b1m"


@pytest.mark.parametrize(
    ("written", "offset"),
    [
        ("2026-11-21 05:22:28.172874+00:00", timedelta()),
        ("2026-11-21T05:22:28Z", timedelta()),
        ("2026-11-21 05:22:28+05:30", timedelta(hours=5, minutes=30)),
    ],
)
def test_times_keep_their_zone(written: str, offset: timedelta) -> None:
    info = BackupInfo.parse(f"end_time={written}\n")

    assert info.end_time is not None
    assert info.end_time.utcoffset() == offset


def test_a_time_without_zone_is_local() -> None:
    info = BackupInfo.parse("begin_time=2026-11-21 05:22:28\n")

    assert info.begin_time == datetime(2026, 11, 21, 5, 22, 28).astimezone()


def test_comments_blank_lines_and_keys_of_newer_barmans_are_passed_over() -> None:
    more = f"# a comment\n\n  \ngp_dbid=1\n{BARMAN}#more\nunknown=__import__('os')\n"

    assert BackupInfo.parse(more) == BackupInfo.parse(BARMAN)


def test_missing_keys_take_barmans_defaults() -> None:
    assert BackupInfo.parse("") == BackupInfo()
    assert BackupInfo().xlog_segment_size == 16 << 20
    assert BackupInfo().status is BackupStatus.EMPTY


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("status", "line 1 of backup.info has no '='"),
        (" # indented", "line 1 of backup.info has no '='"),
        ("#\n" * 10_001, "has more than 10000 lines"),
        ("size=1\nsize=1", "line 2 of backup.info repeats 'size'"),
        ("status=done", "status of backup.info: 'done' is not a status"),
        ("status=DONE", "has status DONE and no end_time"),
        ("size=-1", "size of backup.info: '-1' is not an integer"),
        ("size=1.5", "is not an integer"),
        ("size=٣", "is not an integer"),
        (f"size={'9' * 100_000}", "is not an integer"),
        ("size=18446744073709551616", "is not an integer"),
        ("timeline=0", "timelines count from 1"),
        ("timeline=4294967296", "is not an integer"),
        ("xlog_segment_size=0", "0 is not a size of WAL segments"),
        ("xlog_segment_size=16777217", "is not a size of WAL segments"),
        ("begin_wal=../../etc", "is not the name of a WAL segment"),
        ("begin_wal=00000002.history", "is not the name of a WAL segment"),
        ("end_xlog=0/", "end_xlog of backup.info"),
        (f"end_xlog={'0' * 100_000}/0", "end_xlog of backup.info"),
        ("end_time=yesterday", "'yesterday' is not a time"),
        ("end_time=0001-01-01 00:00:00+14:00", "is not a time"),
        ("end_time=9999-12-31 23:59:59-14:00", "is not a time"),
        ("end_time=2026-02-30 00:00:00+00:00", "is not a time"),
        ("systemid='1'", "is not an integer"),
        ("tablespaces=__import__('os').system('id')", "not a plain value"),
        ("tablespaces='t1'", "not a list"),
        ("tablespaces=[('t1', 16384)]", "not a list of"),
        ("tablespaces=[('t1', True, '/')]", "not a list of"),
        ("tablespaces=[('t1', -1, '/')]", "not a list of"),
        ("tablespaces=[('t1', 4294967296, '/')]", "not a list of"),
        ("tablespaces=[('t1', '16384', '/')]", "not a list of"),
        (f"tablespaces={'[' * 100_000}", "nested more than 20 deep"),
        ("copy_stats=[]", "not a dictionary"),
        ("included_files=[1]", "not a list of strings"),
        ("included_files={'a': 1}", "not a list"),
        ("backup_label=1", "not a quoted string"),
        ("backup_label=START", "not a plain value"),
        ("#cloudhoard {}", "has no 'format_version'"),
        ('#cloudhoard {"format_version":2}', "format version 2, newer than 1"),
        ("#cloudhoard " + "[" * 100_000, "is not valid JSON"),
        ("#cloudhoard {}\n#cloudhoard {}", "two #cloudhoard lines"),
    ],
)
def test_forged_values_are_refused_in_one_short_line(line: str, message: str) -> None:
    with pytest.raises(InvalidFormat) as caught:
        BackupInfo.parse(line)

    assert message in caught.value.message
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("data", [b"#" * ((8 << 20) + 1), b"error=\xff\n"])
def test_a_file_that_is_huge_or_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFormat):
        BackupInfo.from_bytes(data)


@given(st.binary(max_size=500))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(InvalidFormat):
        BackupInfo.from_bytes(data)


@given(
    number=st.integers(0, len(BARMAN.splitlines()) - 1),
    value=st.text(st.characters(), max_size=50),
)
def test_any_value_of_any_key_is_read_or_refused(number: int, value: str) -> None:
    lines = BARMAN.splitlines()
    lines[number] = lines[number].partition("=")[0] + "=" + value
    try:
        info = BackupInfo.parse("\n".join(lines))
    except InvalidFormat:
        return
    assert BackupInfo.parse(info.render()).render() == info.render()


SIGNATURE: Final = BackupSignature("0f" * 32, bytes(range(64)))


def test_a_signature_is_the_last_line_over_all_before_it() -> None:
    body = BARMAN.encode()

    signed = append_signature(body, SIGNATURE)

    assert signed.startswith(body + b"#cloudhoard-signature 0f0f")
    assert split_signature(signed) == (body, SIGNATURE)
    assert split_signature(body) == (body, None)
    assert BackupInfo.from_bytes(signed) == BackupInfo.parse(BARMAN)


def test_the_word_inside_a_line_is_no_signature() -> None:
    body = b"error=see #cloudhoard-signature 00 00\n"

    assert split_signature(body) == (body, None)


SIGNED: Final = append_signature(b"status=FAILED\n", SIGNATURE)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(SIGNED + b"status=DONE\n", id="something follows"),
        pytest.param(append_signature(SIGNED, SIGNATURE), id="two of them"),
        pytest.param(SIGNED[:-1], id="cut short"),
        pytest.param(SIGNED.replace(b"0f", b"0F"), id="upper-case fingerprint"),
        pytest.param(SIGNED.replace(b"==\n", b"=\n"), id="short base64"),
        pytest.param(b"#cloudhoard-signature\n", id="nothing in it"),
    ],
)
def test_malformed_signature_lines_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidFormat, match="malformed signature line"):
        split_signature(data)


def test_our_line_tolerates_members_of_newer_versions() -> None:
    info = made_up_info()
    written = info.render().replace('"kind":', '"later":{"a":[1]},"kind":')

    assert BackupInfo.parse(written) == info
    assert info.cloudhoard is not None
    assert info.cloudhoard.is_encrypted
    assert not replace(info.cloudhoard, key_fingerprints=()).is_encrypted


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"plain_size":23400137', '"plain_size":-1'),
        ('"plain_size":23400137', '"plain_size":1e3'),
        ('"wal_included":false', '"wal_included":0'),
        ('"kind":"full"', '"kind":"\\u001b[2J"'),
        ('"kind":"full"', '"kind":null'),
        ('"volumes_sha256":"cd', '"volumes_sha256":"CD'),
        ('"key_fingerprints":["ab', '"key_fingerprints":["b'),
        ('"key_fingerprints":[', '"key_fingerprints":[1,'),
        ('"run_id":', '"run":'),
    ],
)
def test_a_forged_line_of_ours_is_refused(old: str, new: str) -> None:
    written = made_up_info().render()
    assert old in written

    with pytest.raises(InvalidFormat, match=r"of the #cloudhoard line|has no"):
        BackupInfo.parse(written.replace(old, new))
