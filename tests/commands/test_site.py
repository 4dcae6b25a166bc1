"""Commands that take the archive and their options from a site."""

import json
from pathlib import Path

import pytest

from cloudhoard.commands import backup_list, restore, wal_archive, wal_restore
from tests.support.key_files import KeyFiles
from tests.support.site_example import example_site_file
from tests.support.stored_backup import BACKUP_ID, HandMadeBackup, archive_below
from tests.support.wal_files import FIRST, FIRST_KEY, DataDirectory, archive, archived


@pytest.fixture
def site_file(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example of cloudhoard.toml(5), for the archive and keys of a test."""
    text = example_site_file()
    assert text.count("/srv/backup") == 1
    text = text.replace("/srv/backup", str(root.parent))
    KeyFiles.make(tmp_path)
    path = tmp_path / "cloudhoard.toml"
    path.write_text(text.replace("/etc/cloudhoard", str(tmp_path)))
    monkeypatch.setenv("CLOUDHOARD_CONFIG", str(path))
    return path


def failed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    (line,) = capsys.readouterr().err.splitlines()
    document: dict[str, object] = json.loads(line)
    return document


@pytest.mark.usefixtures("site_file")
def test_example_of_the_manual_page_works(
    root: Path, data: DataDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segment = data.segment(FIRST)
    key = str(tmp_path / "ops.private.pem")

    assert wal_archive.main(["--site", "main", str(segment)]) == 0
    assert f"{FIRST_KEY}.zst.enc" in archived(root)
    words = ["--site", "main", "--private-key", key, FIRST, str(data.destination)]
    assert wal_restore.main(words) == 0
    assert data.destination.read_bytes() == segment.read_bytes()
    assert backup_list.main(["--site", "main"]) == 0
    capsys.readouterr()

    assert wal_restore.main(["--site", "main", "x", "y"]) == 3
    assert failed(capsys)["exit_code"] == 3  # log-format is json there


@pytest.mark.parametrize(
    ("signal", "code"), [("recovery.signal", 195), ("standby.signal", 3)]
)
@pytest.mark.parametrize("mistake", ["no such site", "unknown key", "no toml"])
def test_bad_site_file_is_not_the_end_of_wal(
    filled: Path,
    data: DataDirectory,
    site_file: Path,
    mistake: str,
    signal: str,
    code: int,
) -> None:
    data.signal(signal)
    text = site_file.read_text()
    if mistake == "unknown key":
        text = text.replace("server-name", "server")
    site_file.write_text("[" if mistake == "no toml" else text)
    site = "prod" if mistake == "no such site" else "main"
    words = [f"--site={site}", FIRST, str(data.destination)]

    assert wal_restore.main(words) == code
    assert not data.destination.exists()
    assert filled.is_dir()


def test_restore_command_has_what_was_found_and_looks_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = tmp_path / "archive"
    HandMadeBackup().store(archive_below(container))
    keys = KeyFiles.make(tmp_path)
    path = tmp_path / "cloudhoard.toml"
    path.write_text(
        f"[defaults]\naccept-plain = true\n[site.s]\nserver-name = 'main'\n"
        f"url = 'file://{container}'\nprivate-key = ['{keys.private}']\n"
    )
    monkeypatch.setenv("CLOUDHOARD_CONFIG", str(path))
    monkeypatch.setenv("CLOUDHOARD_SITE", "s")

    assert restore.main([BACKUP_ID, str(tmp_path / "restored")]) == 0

    text = (tmp_path / "restored" / "postgresql.auto.conf").read_text()
    (line,) = [row for row in text.splitlines() if row.startswith("restore_command")]
    assert line.endswith(
        f"cloudhoard-wal-restore --no-config --private-key {keys.private}"
        f" --accept-plain file://{container} main %f %p'"
    )


def test_restored_server_is_not_led_elsewhere(
    filled: Path,
    data: DataDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file and the variables that it sees may be quite others."""
    path = tmp_path / "cloudhoard.toml"
    path.write_text("nonsense")
    monkeypatch.setenv("CLOUDHOARD_CONFIG", str(path))
    monkeypatch.setenv("CLOUDHOARD_SITE", "nowhere")
    words = ["--no-config", f"file://{filled.parent}", filled.name, FIRST]

    assert wal_restore.main([*words, str(data.destination)]) == 0


def test_defaults_of_the_file_hold_for_archives_named_in_full(
    root: Path, data: DataDirectory, site_file: Path
) -> None:
    assert archive(root, data.segment(FIRST), "--config", str(site_file)) == 0

    assert f"{FIRST_KEY}.zst.enc" in archived(root)
