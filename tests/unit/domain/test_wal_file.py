import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.cli.exit_codes import exit_code_for
from cloudhoard.domain.wal_file import InvalidWalName, WalFile, WalFileKind

SEGMENT = "0000000A00000003000000FF"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        (SEGMENT, WalFile(SEGMENT, WalFileKind.SEGMENT, 10, SEGMENT)),
        (
            f"{SEGMENT}.partial",
            WalFile(f"{SEGMENT}.partial", WalFileKind.PARTIAL, 10, SEGMENT),
        ),
        (
            f"{SEGMENT}.00000028.backup",
            WalFile(
                f"{SEGMENT}.00000028.backup", WalFileKind.BACKUP_HISTORY, 10, SEGMENT
            ),
        ),
        (
            "FFFFFFFF.history",
            WalFile("FFFFFFFF.history", WalFileKind.HISTORY, 0xFFFFFFFF, None),
        ),
    ],
)
def test_each_kind_that_archive_command_hands_over(name: str, file: WalFile) -> None:
    assert WalFile.parse(name) == file


@pytest.mark.parametrize(
    "name",
    [
        "",
        "RECOVERYXLOG",
        SEGMENT[:-1],
        SEGMENT + "0",
        SEGMENT.lower(),
        SEGMENT + "\n",
        SEGMENT + ".gz",
        SEGMENT + ".partial.gz",
        SEGMENT + ".PARTIAL",
        SEGMENT + ".28.backup",
        SEGMENT + ".0000002a.backup",
        "0000000A.history.partial",
        "0000000a.history",
        "A.history",
        "../0000000A.history",
        "0000000A.history\0",
        "٠" * 24,  # noqa: RUF001 - digits, not ours
    ],
)
def test_what_postgresql_never_writes_is_refused(name: str) -> None:
    with pytest.raises(InvalidWalName, match="is not the name of a WAL file"):
        WalFile.parse(name)


@pytest.mark.parametrize(
    "name",
    [
        "00000000.history",
        "000000000000000100000001",
        # With the smallest segments, 1 MiB, a log has 4,096 of them.
        "000000010000000000001000",
        "0000000100000000FFFFFFFF.partial",
    ],
)
def test_numbers_that_no_cluster_reaches_are_refused(name: str) -> None:
    with pytest.raises(InvalidWalName, match="out of the range"):
        WalFile.parse(name)


def test_a_wrong_name_is_an_error_of_usage() -> None:
    assert exit_code_for(InvalidWalName("x")) == 3


@given(st.integers(1, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 0xFFF))
def test_every_name_that_postgresql_prints_is_read(
    timeline: int, log: int, low: int
) -> None:
    name = f"{timeline:08X}{log:08X}{low:08X}"

    file = WalFile.parse(name)

    assert (file.kind, file.timeline) == (WalFileKind.SEGMENT, timeline)
    assert WalFile.parse(name + ".partial").segment_name == name
