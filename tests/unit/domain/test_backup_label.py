import pytest

from cloudhoard.domain.backup_label import BackupLabel
from cloudhoard.domain.lsn import Lsn
from cloudhoard.errors import InvalidFormat
from tests.support.golden_postgres import MAJORS, golden


@pytest.mark.parametrize("major", MAJORS)
def test_labels_of_real_servers_are_read_and_written_again(major: int) -> None:
    text = golden(major, "backup_label").read_text()

    label = BackupLabel.parse(text)

    assert label.render() == text
    assert label.start_lsn == Lsn.parse("0/2000028")
    assert label.start_segment == "000000010000000000000002"
    assert label.start_lsn < label.checkpoint_lsn
    assert label.start_timeline == 1
    assert label.backup_method == "streamed"
    # Up to 13 PostgreSQL said master.
    assert label.backup_from == ("master" if major == 13 else "primary")
    assert label.label == "pg_basebackup base backup"


def test_lines_of_newer_versions_are_kept() -> None:
    text = golden(18, "backup_label").read_text()
    incremental = text + "INCREMENTAL FROM LSN: 0/1000028\nINCREMENTAL FROM TLI: 1\n"

    assert BackupLabel.parse(incremental).render() == incremental


@pytest.mark.parametrize(
    "text",
    [
        "",
        "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n",
        golden(15, "backup_label").read_text()[:-1],
        golden(15, "backup_label").read_text() + "more\n",
        golden(15, "backup_label").read_text().replace("0/2000028", "0-2000028"),
        golden(15, "backup_label").read_text() + "A: b\n" * 100_000,
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormat):
        BackupLabel.parse(text)
