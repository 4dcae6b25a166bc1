"""How the options of recovery go together, and what they put into the settings."""

from dataclasses import replace
from pathlib import Path

import pytest

from cloudhoard.commands import restore
from cloudhoard.domain.backup_info import Tablespace
from cloudhoard.domain.lsn import Lsn
from tests.support.stored_backup import (
    BACKUP_ID,
    HandMadeBackup,
    Volume,
    archive_below,
    first_volume,
    last_volume,
)

LATER_ID = "20261121T100000"


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """Two backups; the first ends at 0/3000100, the later one at 0/5000000."""
    container = tmp_path / "archive"
    storage = archive_below(container)
    first = HandMadeBackup()
    first.store(storage)
    stopped_at = first.stopped_at.replace(hour=10)
    replace(
        first, backup_id=LATER_ID, stopped_at=stopped_at, stop_lsn=Lsn(0x5000000)
    ).store(storage)
    return container


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "restored"


def run(container: Path, target: Path, *options: str, backup: str = LATER_ID) -> int:
    return restore.main([*options, f"file://{container}", "main", backup, str(target)])


def settings(target: Path) -> list[str]:
    return (target / "postgresql.auto.conf").read_text().splitlines()


@pytest.mark.parametrize(
    ("options", "last", "said"),
    [
        (
            ("--target-lsn", "0/5000000"),
            "recovery_target_lsn = '0/5000000'",
            "0/5000000, then pause",
        ),
        (
            ("--target-xid", "742", "--target-exclusive"),
            "recovery_target_xid = '742'",
            "just before transaction 742, then pause",
        ),
        (
            ("--target-name", "it's a\\b", "--target-action", "promote"),
            "recovery_target_name = 'it''s a\\\\b'",
            'the restore point "it\'s a\\\\b", then promote',
        ),
        (
            ("--target-immediate", "--target-action", "shutdown"),
            "recovery_target = 'immediate'",
            "the end of the backup, then shutdown",
        ),
    ],
)
def test_target_stands_last_in_the_settings_and_is_said(
    container: Path,
    target: Path,
    options: tuple[str, ...],
    last: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(container, target, *options) == 0

    assert settings(target)[-1] == last
    exclusive = "recovery_target_inclusive = 'off'" in settings(target)
    assert exclusive is ("--target-exclusive" in options)
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == f"start PostgreSQL to recover to {said}"


def test_auto_goes_by_the_position(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(container, target, "--target-lsn", "0/5000000", backup="auto") == 0
    assert f"backup {LATER_ID} restored" in capsys.readouterr().out
    before = ("--overwrite", "--target-lsn", "0/4FFFFFF")
    assert run(container, target, *before, backup="auto") == 0
    assert f"backup {BACKUP_ID} restored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("backup", "lsn", "message"),
    [
        (
            LATER_ID,
            "0/4FFFFFF",
            f"backup {LATER_ID} ends at 0/5000000, after the target 0/4FFFFFF",
        ),
        ("auto", "0/1", f"first recoverable point, 0/3000100, the end of {BACKUP_ID}"),
        ("latest", "0/1", f"recoverable point, 0/3000100, the end of {BACKUP_ID}"),
    ],
)
def test_position_that_cannot_be_reached_is_refused(
    container: Path,
    target: Path,
    backup: str,
    lsn: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(container, target, "--target-lsn", lsn, backup=backup) == 1

    error = capsys.readouterr().err.replace("end of backup", "end of")
    assert message in error
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "backup", "message"),
    [
        (("--target-xid", "742"), "auto", "auto cannot tell which backups ended"),
        (("--target-name", "x"), "auto", "auto cannot tell which backups ended"),
        (
            ("--target-time", "2026-11-21 12:00Z", "--target-lsn", "0/5000000"),
            LATER_ID,
            "argument --target-lsn: not allowed with argument --target-time",
        ),
        (("--target-xid", "742", "--target-immediate"), LATER_ID, "not allowed with"),
        (("--target-lsn", "0"), LATER_ID, "'0' is not a WAL position"),
        (("--target-xid", "2"), LATER_ID, "is not the number of a transaction"),
        (("--target-name", ""), LATER_ID, "is not the name of a restore point"),
        (("--target-exclusive",), LATER_ID, "--target-exclusive has a meaning only"),
        (
            ("--target-immediate", "--target-exclusive"),
            LATER_ID,
            "--target-exclusive has a meaning only",
        ),
        (
            ("--target-name", "x", "--target-exclusive"),
            LATER_ID,
            "--target-exclusive has a meaning only",
        ),
        (
            ("--target-action", "shutdown"),
            LATER_ID,
            "--target-action shutdown has no effect without a target",
        ),
        (("--recovery-end-command", " "), LATER_ID, "--recovery-end-command is empty"),
        (
            ("--recovery-end-command", "a\nb"),
            LATER_ID,
            "recovery_end_command cannot hold a control character",
        ),
        (
            ("--recovery-end-command", "true", "--no-recovery-config"),
            LATER_ID,
            "--recovery-end-command is a setting, and --no-recovery-config writes none",
        ),
        (("--standby", "--no-recovery-config"), LATER_ID, "--standby is a setting"),
        (("--primary-conninfo", "host=db"), LATER_ID, "is for a standby"),
        (("--primary-slot-name", "copy"), LATER_ID, "is for a standby"),
        (
            ("--standby", "--primary-slot-name", "copy"),
            LATER_ID,
            "--primary-slot-name needs --primary-conninfo",
        ),
        (
            ("--standby", "--primary-slot-name", "Copy"),
            LATER_ID,
            "'Copy' is not the name of a replication slot",
        ),
        (
            ("--standby", "--primary-conninfo", "host=db password=geheim"),
            LATER_ID,
            "--primary-conninfo holds password",
        ),
        (
            ("--standby", "--primary-conninfo", "db"),
            LATER_ID,
            "--primary-conninfo is not a connection string",
        ),
        (
            ("--standby", "--primary-conninfo", ""),
            LATER_ID,
            "--primary-conninfo is not a connection string",
        ),
        (
            ("--standby", "--target-lsn", "0/5000000"),
            LATER_ID,
            "has no target to stop at",
        ),
        (("--standby", "--target-action", "promote"), LATER_ID, "has no target"),
        (("--standby", "--archive-mode", "guard"), LATER_ID, "is not kept from this"),
    ],
)
def test_what_makes_no_sense_exits_3_and_touches_nothing(
    container: Path,
    target: Path,
    options: tuple[str, ...],
    backup: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(container, target, *options, backup=backup) == 3

    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if ": error: " in line]
    assert len(lines) == 1
    assert message in lines[0]
    assert "geheim" not in error
    assert not target.exists()


@pytest.mark.parametrize(
    ("conninfo", "slot", "said"),
    [("", "", "archive"), ("host='a b'", "", "primary"), ("host=a", "copy", "primary")],
)
def test_standby_gets_its_own_signal_and_no_guard(
    container: Path,
    target: Path,
    conninfo: str,
    slot: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--standby"]
    options += ["--primary-conninfo", conninfo] if conninfo else []
    options += ["--primary-slot-name", slot] if slot else []

    assert run(container, target, *options) == 0

    assert (target / "standby.signal").read_bytes() == b""
    assert not (target / "recovery.signal").exists()
    assert not (target / "cloudhoard.restored").exists()
    written = settings(target)
    quoted = conninfo.replace("'", "''")
    assert f"primary_conninfo = '{quoted}'" in written
    assert f"primary_slot_name = '{slot}'" in written
    assert "recovery_target_timeline = 'latest'" in written
    assert not any(line.startswith("archive_mode") for line in written)
    (command,) = (line for line in written if line.startswith("restore_command"))
    assert command.endswith(f" file://{container} main %f %p'")
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == f"start PostgreSQL to follow the {said} as a standby"


def test_standby_may_be_held_on_a_timeline_and_not_archive(
    container: Path, target: Path
) -> None:
    options = ("--standby", "--target-tli", "1", "--archive-mode", "off")
    assert run(container, target, *options, backup="auto") == 0

    assert "recovery_target_timeline = '1'" in settings(target)
    assert "archive_mode = 'off'" in settings(target)


def test_promotion_at_the_end_may_be_spelt_out(container: Path, target: Path) -> None:
    # PostgreSQL does so anyway.
    assert run(container, target, "--target-action", "promote") == 0

    assert "recovery_target_action = 'promote'" in settings(target)


def test_command_for_the_end_of_recovery(container: Path, target: Path) -> None:
    command = "logger 'it''s done %r'"
    assert run(container, target, "--recovery-end-command", command) == 0

    quoted = command.replace("'", "''")
    assert f"recovery_end_command = '{quoted}'" in settings(target)


def test_trigger_file_of_the_original_is_not_looked_for(
    container: Path, target: Path
) -> None:
    # The backups are PostgreSQL 15's.
    assert run(container, target) == 0

    assert "promote_trigger_file = ''" in settings(target)


def test_tablespaces_go_below_one_directory_but_those_that_are_named(
    tmp_path: Path, target: Path
) -> None:
    container, base, own = tmp_path / "other", tmp_path / "base", tmp_path / "own"
    files = {b"PG_15_202209061/5/16390": b"row" * 100}
    HandMadeBackup(
        volumes=[
            first_volume(),
            Volume.of(files, item="16384"),
            Volume.of(files, item="16385"),
            last_volume(),
        ],
        tablespaces=(
            Tablespace("../odd", 16384, "/nowhere/odd"),
            Tablespace("fast", 16385, "/nowhere/fast"),
        ),
    ).store(archive_below(container))

    options = ("--tablespace-base-dir", str(base), "--tablespace", f"fast:{own}")
    assert run(container, target, *options, backup=BACKUP_ID) == 0

    assert (target / "pg_tblspc/16384").readlink() == base / "16384"
    assert (target / "pg_tblspc/16385").readlink() == own
    assert (base / "16384/PG_15_202209061/5/16390").read_bytes() == b"row" * 100
    assert not (base / "16385").exists()


def test_directory_for_tablespaces_must_not_hold_one_already(
    tmp_path: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    container, base = tmp_path / "other", tmp_path / "base"
    files = {b"PG_15_202209061/5/16390": b"row" * 100}
    HandMadeBackup(
        volumes=[first_volume(), Volume.of(files, item="16384"), last_volume()],
        tablespaces=(Tablespace("fast", 16384, "/nowhere/fast"),),
    ).store(archive_below(container))
    (base / "16384").mkdir(parents=True)
    (base / "16384/somebody's").write_text("data")

    options = ("--tablespace-base-dir", str(base))
    assert run(container, target, *options, backup=BACKUP_ID) == 1

    assert "16384, for the tablespace 16384, is not empty" in capsys.readouterr().err
    assert (base / "16384/somebody's").read_text() == "data"
    assert not target.exists()
