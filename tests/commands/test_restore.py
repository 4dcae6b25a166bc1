import hashlib
import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding
from cloudhoard.codec.key_generation import create_key_files
from cloudhoard.codec.keys import PublicKey, SigningKey
from cloudhoard.commands import restore
from cloudhoard.domain.backup_info import BackupInfo, BackupStatus, Tablespace
from cloudhoard.domain.manifest_reader import ManifestReader
from tests.support.key_files import KeyFiles
from tests.support.programs import command_path
from tests.support.stored_backup import (
    BACKUP_ID,
    CONTROL,
    FILES,
    LAST_FILES,
    HandMadeBackup,
    Volume,
    all_paths,
    archive_below,
    first_volume,
    last_volume,
)

ALL_FILES = {**FILES, **LAST_FILES}
TABLESPACE_FILE = b"PG_15_202209061/5/16390"


@pytest.fixture
def container(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "restored"


def run(container: Path, target: Path, *options: str, backup: str = BACKUP_ID) -> int:
    return restore.main([*options, f"file://{container}", "main", backup, str(target)])


def store(container: Path, backup: HandMadeBackup | None = None) -> None:
    (backup or HandMadeBackup()).store(archive_below(container))


def with_tablespace(location: Path) -> HandMadeBackup:
    return HandMadeBackup(
        volumes=[
            first_volume(),
            Volume.of({TABLESPACE_FILE: b"row" * 100}, item="16384"),
            last_volume(),
        ],
        tablespaces=(Tablespace("fast", 16384, str(location)),),
    )


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [
        line
        for line in capsys.readouterr().err.splitlines()
        if "warning" not in line and "hint" not in line
    ]
    assert len(lines) == 1, lines
    return lines[0].removeprefix("cloudhoard-restore: error: ")


def test_every_file_comes_back(container: Path, target: Path) -> None:
    store(container)

    assert run(container, target) == 0

    for name, content in ALL_FILES.items():
        if name != b"postgresql.auto.conf":
            assert (target / os.fsdecode(name)).read_bytes() == content
    assert sorted(path.name for path in target.iterdir()) == [
        "PG_VERSION",
        "backup_label",
        "backup_manifest",
        "base",
        "cloudhoard.restored",
        "global",
        "pg_notify",
        "pg_tblspc",
        "pg_wal",
        "postgresql.auto.conf",
        "postgresql.conf",
        "recovery.signal",
    ]


def test_result_can_be_json(
    container: Path, target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container, with_tablespace(tmp_path / "fast"))
    place = f"--tablespace=fast:{tmp_path}/new"
    options = ["--format", "json", "--target-time", "2026-11-21T06:00:00Z", place]

    assert run(container, target, *options) == 0

    document = json.loads(capsys.readouterr().out)
    assert datetime.fromisoformat(document.pop("restored_at")).tzinfo == UTC
    command = document["recovery"]["settings"].pop("restore_command")
    assert command.endswith(f"--no-config file://{container} main %f %p")
    assert document == {
        "backup_id": BACKUP_ID,
        "data_directory": str(target),
        "tablespaces": {"16384": str(tmp_path / "new")},
        "wal_directory": None,
        "config_directory": None,
        "files": len(ALL_FILES) + 1,
        "size": document["size"],
        "recovery": {
            "signal_file": "recovery.signal",
            "settings": {
                "recovery_min_apply_delay": "0",
                "recovery_target_inclusive": "on",
                "recovery_target_timeline": "latest",
                "recovery_target_action": "pause",
                "recovery_target_time": "2026-11-21 06:00:00+00:00",
            },
        },
    }


def test_result_without_recovery_is_null(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)

    assert run(container, target, "--format", "json", "--no-recovery-config") == 0

    assert json.loads(capsys.readouterr().out)["recovery"] is None


def test_modes_do_not_depend_on_the_umask(container: Path, target: Path) -> None:
    store(container)
    for umask in (0o000, 0o777):
        old = os.umask(umask)
        try:
            assert run(container, target, "--overwrite") == 0
        finally:
            os.umask(old)

        for path in (target, *target.rglob("*")):
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_recovery_settings_are_written(
    container: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is found beside the command that runs, here pytest, or on the PATH.
    monkeypatch.setenv("PATH", str(Path(command_path("wal-restore")).parent))
    store(container)

    code = run(
        container,
        target,
        *("--target-time", "2026-11-21 06:00:00Z", "--target-action", "promote"),
        *("--target-tli", "1"),
    )

    assert code == 0
    assert (target / "recovery.signal").read_bytes() == b""
    lines = (target / "postgresql.auto.conf").read_text().splitlines()
    assert lines[0] == "work_mem = '8MB'"
    assert lines[-1] == "recovery_target_time = '2026-11-21 06:00:00+00:00'"
    assert "recovery_target_action = 'promote'" in lines
    assert "recovery_target_timeline = '1'" in lines
    (command,) = (line for line in lines if line.startswith("restore_command"))
    assert command.endswith(
        f"cloudhoard-wal-restore --no-config file://{container} main %f %p'"
    )
    assert command.startswith("restore_command = '/")


def test_without_recovery_settings_the_files_are_those_of_the_backup(
    container: Path, target: Path
) -> None:
    store(container)

    assert run(container, target, "--no-recovery-config") == 0

    assert not (target / "recovery.signal").exists()
    assert (target / "postgresql.auto.conf").read_bytes() == b"work_mem = '8MB'\n"


def test_guard_names_the_archive_and_is_in_the_manifest(
    container: Path, target: Path
) -> None:
    store(container)

    assert run(container, target) == 0

    guard = (target / "cloudhoard.restored").read_bytes()
    assert json.loads(guard)["archive"] == f"file://{container}/main"
    with (target / "backup_manifest").open("rb") as file:
        entries = {each.path: each for each in ManifestReader(file).entries()}
    assert set(entries) == {*ALL_FILES, b"cloudhoard.restored"}
    assert list(entries)[-1] == b"cloudhoard.restored"
    assert entries[b"cloudhoard.restored"].sha256 == hashlib.sha256(guard).digest()
    assert entries[b"cloudhoard.restored"].size == len(guard)


@pytest.mark.parametrize(
    ("mode", "guarded", "archiving_off"),
    [("guard", True, False), ("take-over", False, False), ("off", False, True)],
)
def test_archive_mode(
    container: Path,
    target: Path,
    mode: str,
    guarded: bool,  # noqa: FBT001 - a parameter of the test
    archiving_off: bool,  # noqa: FBT001
) -> None:
    store(container)

    assert run(container, target, "--archive-mode", mode) == 0

    assert (target / "cloudhoard.restored").exists() is guarded
    text = (target / "postgresql.auto.conf").read_text()
    assert ("archive_mode = 'off'" in text) is archiving_off
    manifest = (target / "backup_manifest").read_text()
    assert ("cloudhoard.restored" in manifest) is guarded


def test_encrypted_and_signed_backup_comes_back(
    container: Path, target: Path, keys: Path
) -> None:
    backup = HandMadeBackup(encoding=signed_encoding(keys))
    store(container, backup)
    private = str(keys / "ops.private.pem")
    signer = str(keys / "ops.signing.public.pem")

    code = run(container, target, "--private-key", private, "--trusted-signer", signer)

    assert code == 0
    assert (target / "global/pg_control").read_bytes() == CONTROL
    text = (target / "postgresql.auto.conf").read_text()
    assert f"--private-key {private} --trusted-signer {signer} file://" in text


def test_key_files_of_the_restore_command_are_absolute(
    container: Path,
    target: Path,
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store(container, HandMadeBackup(encoding=signed_encoding(keys)))
    monkeypatch.chdir(keys)

    assert run(container, target, "--private-key", "ops.private.pem") == 0

    text = (target / "postgresql.auto.conf").read_text()
    assert f"--private-key {keys}/ops.private.pem file://" in text


def test_unsigned_commit_is_refused_where_a_signer_is_pinned(
    container: Path, target: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container, HandMadeBackup(encoding=signed_encoding(keys), signed=False))

    code = run(
        container,
        target,
        *("--private-key", str(keys / "ops.private.pem")),
        *("--trusted-signer", str(keys / "ops.signing.public.pem")),
    )

    assert code == 5
    assert "backup.info is not signed" in error_of(capsys)
    assert not target.exists()


def test_plain_backup_is_refused_where_a_key_is_given(
    container: Path, target: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)
    key = ["--private-key", str(keys / "ops.private.pem")]

    assert run(container, target, *key) == 5
    assert "is not encrypted" in error_of(capsys)
    assert not target.exists()
    assert run(container, target, *key, "--accept-plain") == 0
    assert "--accept-plain" in (target / "postgresql.auto.conf").read_text()


def test_tablespace_goes_where_it_is_told(
    container: Path, target: Path, tmp_path: Path
) -> None:
    store(container, with_tablespace(tmp_path / "nowhere"))
    place = tmp_path / "deep" / "fast"

    assert run(container, target, "--tablespace", f"fast:{place}") == 0

    assert (place / os.fsdecode(TABLESPACE_FILE)).read_bytes() == b"row" * 100
    assert (target / "pg_tblspc/16384").readlink() == place
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_tablespace_goes_where_it_was_if_that_is_there_and_empty(
    container: Path, target: Path, tmp_path: Path
) -> None:
    (tmp_path / "was").mkdir()
    (tmp_path / "was/lost+found").mkdir()
    store(container, with_tablespace(tmp_path / "was"))

    assert run(container, target) == 0

    assert (tmp_path / "was" / os.fsdecode(TABLESPACE_FILE)).exists()


def test_tablespace_whose_place_is_gone_must_be_told_where_to_go(
    container: Path,
    target: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(container, with_tablespace(tmp_path / "was"))

    assert run(container, target) == 1
    assert error_of(capsys) == (
        f"tablespace 'fast' was at {tmp_path}/was, which does not exist"
    )
    assert not (tmp_path / "was").exists()
    assert not target.exists()


def test_tablespace_of_a_living_cluster_is_not_touched(
    container: Path,
    target: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = tmp_path / "was/PG_15_202209061/5/16390"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"live")
    store(container, with_tablespace(tmp_path / "was"))

    for options in ([], ["--overwrite"]):
        assert run(container, target, *options) == 1
        assert "is not empty" in error_of(capsys)
    assert mine.read_bytes() == b"live"
    assert not target.exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("fast", "is not NAME:LOCATION"),
        ("fast:relative", "is not NAME:LOCATION"),
        (":/x", "is not NAME:LOCATION"),
        ("slow:/x", "the backup has no tablespace 'slow'"),
    ],
)
def test_bad_tablespace_option_exits_3(
    container: Path,
    target: Path,
    tmp_path: Path,
    option: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(container, with_tablespace(tmp_path / "was"))

    assert run(container, target, "--tablespace", option) == 3
    assert said in error_of(capsys)


@pytest.mark.parametrize("place", ["restored", "restored/inside", ""])
def test_directories_inside_each_other_are_refused(
    container: Path,
    target: Path,
    tmp_path: Path,
    place: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(container, with_tablespace(tmp_path / "was"))

    code = run(container, target, "--tablespace", f"fast:{tmp_path / place}")

    assert code == 3
    assert "cannot both be restored into" in error_of(capsys)
    assert not target.exists()


def test_wal_directory_lies_elsewhere_if_told(
    container: Path, target: Path, tmp_path: Path
) -> None:
    wal_file = b"pg_wal/000000010000000000000003"
    volume = first_volume({**FILES, wal_file: b"wal"})
    store(container, HandMadeBackup(volumes=[volume, last_volume()]))
    place = tmp_path / "wal"

    assert run(container, target, "--waldir", str(place)) == 0

    assert (target / "pg_wal").readlink() == place
    assert (place / "000000010000000000000003").read_bytes() == b"wal"


def test_configuration_outside_comes_back_if_asked_for(
    container: Path,
    target: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tar = Volume.of({b"postgresql.conf": b"x = 1\n"}, directories=[b"conf.d"]).tar
    store(container, HandMadeBackup(config=tar))
    place = tmp_path / "etc"

    assert run(container, target, "--overwrite") == 0
    assert "--config-dir restores it" in capsys.readouterr().err
    assert run(container, target, "--overwrite", "--config-dir", str(place)) == 0

    assert (place / "postgresql.conf").read_bytes() == b"x = 1\n"
    assert (place / "conf.d").is_dir()


def test_configuration_directory_in_use_is_refused(
    container: Path,
    target: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tar = Volume.of({b"postgresql.conf": b"x = 1\n"}).tar
    store(container, HandMadeBackup(config=tar))
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").write_text("mine")

    code = run(container, target, "--overwrite", "--config-dir", f"{tmp_path}/etc")

    assert code == 1
    assert "is not empty" in error_of(capsys)
    assert all_paths(tmp_path / "etc") == {"hosts"}


def test_directory_with_something_in_it_is_refused(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)
    target.mkdir()
    (target / "mine").write_text("precious")

    assert run(container, target) == 1
    assert error_of(capsys) == f"{target} is not empty"
    assert run(container, target, "--overwrite") == 1
    assert error_of(capsys) == (
        f"{target} is not empty and no data directory of PostgreSQL"
    )
    assert all_paths(target) == {"mine"}


def test_overwrite_leaves_nothing_of_the_old_cluster(
    container: Path, target: Path, tmp_path: Path
) -> None:
    store(container, with_tablespace(tmp_path / "was"))
    for path in ("base/5/old", "global/pg_control", "pg_wal/0001", "standby.signal"):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text("old")
    (target / "PG_VERSION").write_text("15\n")
    elsewhere = tmp_path / "was/PG_15_202209061/5"
    elsewhere.mkdir(parents=True)
    (elsewhere / "old").write_text("old")
    (target / "pg_tblspc").mkdir()
    (target / "pg_tblspc/16384").symlink_to(tmp_path / "was")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/kept").write_text("not the cluster's")
    (target / "link").symlink_to(tmp_path / "other")

    assert run(container, target, "--overwrite", "--no-recovery-config") == 0

    files = {path for path in all_paths(target) if (target / path).is_file()}
    assert files == {os.fsdecode(name) for name in ALL_FILES} | {
        "backup_manifest",
        "cloudhoard.restored",
        f"pg_tblspc/16384/{os.fsdecode(TABLESPACE_FILE)}",
    } - {f"pg_tblspc/16384/{os.fsdecode(TABLESPACE_FILE)}"}
    assert all_paths(elsewhere) == {"16390"}
    assert (tmp_path / "other/kept").exists()


def test_directory_of_a_running_server_is_refused(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)
    target.mkdir()
    (target / "PG_VERSION").write_text("15\n")
    lines = [str(os.getpid()), str(target), "1795238547", "5432", "/tmp", "", "0 0"]  # noqa: S108
    (target / "postmaster.pid").write_text("\n".join(lines))

    for options in ([], ["--overwrite"]):
        assert run(container, target, *options) == 1
        assert "a server runs on" in error_of(capsys)
    assert all_paths(target) == {"PG_VERSION", "postmaster.pid"}


def test_directory_of_a_server_that_died_may_be_overwritten(
    container: Path, target: Path
) -> None:
    store(container)
    target.mkdir()
    (target / "PG_VERSION").write_text("15\n")
    lines = ["4194304", str(target), "1795238547", "5432", "/tmp", "", "0 0"]  # noqa: S108
    (target / "postmaster.pid").write_text("\n".join(lines))

    assert run(container, target, "--overwrite") == 0
    assert not (target / "postmaster.pid").exists()


def test_target_may_be_a_link_to_a_directory(
    container: Path, target: Path, tmp_path: Path
) -> None:
    store(container)
    (tmp_path / "volume").mkdir()
    target.symlink_to(tmp_path / "volume")

    assert run(container, target) == 0

    assert (tmp_path / "volume/PG_VERSION").exists()
    assert target.is_symlink()


def test_naive_target_time_exits_3_and_shows_barmans_reading(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)

    assert run(container, target, "--target-time", "2026-11-21 06:00:00") == 3
    error, hint = capsys.readouterr().err.splitlines()
    assert error == (
        "cloudhoard-restore: error: target time '2026-11-21 06:00:00' does not say"
        " its time zone"
    )
    assert "barman would take this host's zone: '2026-11-21 06:00:00" in hint
    assert not target.exists()


@pytest.mark.parametrize("backup", [BACKUP_ID, "auto", "latest"])
def test_target_before_the_first_recoverable_point_names_it(
    container: Path, target: Path, backup: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)
    time = ("--target-time", "2026-11-21 05:22:59Z")

    assert run(container, target, *time, backup=backup) == 1
    assert error_of(capsys) == (
        "the target 2026-11-21 05:22:59+00:00 is before the first recoverable point,"
        f" 2026-11-21 05:23:00+00:00, the end of backup {BACKUP_ID}"
    )
    assert not target.exists()


def test_auto_takes_the_newest_backup_before_the_target(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = HandMadeBackup()
    later = replace(
        first,
        backup_id="20261121T100000",
        stopped_at=first.stopped_at.replace(hour=10),
    )
    store(container, first)
    store(container, later)

    time = ("--target-time", "2026-11-21 09:00:00Z")
    assert run(container, target, *time, backup="auto") == 0
    assert f"backup {BACKUP_ID} restored" in capsys.readouterr().out
    assert run(container, target, "--overwrite", backup="auto") == 0
    assert "backup 20261121T100000 restored" in capsys.readouterr().out
    assert run(container, target, *time, backup="latest") == 1
    assert "ends at 2026-11-21 10:23:00+00:00, after the target" in error_of(capsys)


def test_auto_and_the_current_timeline_contradict_each_other(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)

    assert run(container, target, "--target-tli", "current", backup="auto") == 3
    assert "auto leaves open" in error_of(capsys)


def test_timeline_that_the_archive_does_not_know_is_refused(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)

    assert run(container, target, "--target-tli", "7") == 1
    assert "holds no 00000007.history" in error_of(capsys)


@pytest.mark.parametrize("backup", ["20200101T000000", "nightly", "last-failed"])
def test_backup_that_is_not_there_exits_1(
    container: Path, target: Path, backup: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)

    assert run(container, target, backup=backup) == 1
    assert "there is no" in error_of(capsys)
    assert not target.exists()


def test_failed_backup_is_refused(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def failed(info: BackupInfo) -> BackupInfo:
        return replace(info, status=BackupStatus.FAILED, error="disk on fire")

    store(container, HandMadeBackup(alter_info=failed))

    assert run(container, target) == 1
    assert (
        error_of(capsys) == f"backup {BACKUP_ID} is FAILED, not complete: disk on fire"
    )


def test_backup_that_passes_for_one_of_barman_s_is_refused(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without our line its hashes would not be asked for."""
    store(
        container,
        HandMadeBackup(alter_info=lambda info: replace(info, cloudhoard=None)),
    )

    assert run(container, target) == 5
    assert "backup.info lacks the line that goes with it" in error_of(capsys)
    assert not target.exists()


def test_container_that_is_not_there_exits_2(container: Path, target: Path) -> None:
    assert run(container, target) == 2
    assert not target.exists()


@pytest.mark.parametrize(
    "option",
    [
        "--snapshot-recovery-instance",
        "--snapshot-recovery-zone",
        "--gcp-zone",
        "--azure-resource-group",
    ],
)
def test_disk_snapshots_are_refused(
    container: Path, target: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(container, target, option, "x") == 3
    assert "disk snapshots are not supported" in error_of(capsys)


def test_test_option_only_reaches_for_the_archive(
    container: Path, target: Path
) -> None:
    store(container)

    assert run(container, target, "--test") == 0
    assert not target.exists()
    assert run(container.with_name("gone"), target, "--test") == 2


def test_result_is_on_stdout_and_nothing_else(
    container: Path, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container)

    assert run(container, target, "--target-time", "2026-11-21 06:00Z") == 0

    assert capsys.readouterr().out == (
        f"backup {BACKUP_ID} restored to {target}: 8 files, 26.5 KiB\n"
        "start PostgreSQL to recover to 2026-11-21 06:00:00+00:00, then pause\n"
    )


def signed_encoding(keys: Path) -> Encoding:
    return Encoding(
        Compression("zstd", 3),
        recipients=(PublicKey.load(keys / "ops.public.pem"),),
        signer=SigningKey.load(keys / "ops.signing.pem"),
    )


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return KeyFiles.make(tmp_path_factory.mktemp("keys")).directory


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_key_that_the_servers_user_cannot_read_is_warned_of(
    container: Path, target: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(container, HandMadeBackup(encoding=signed_encoding(keys)))
    key = ["--private-key", str(keys / "ops.private.pem")]

    assert run(container, target, *key, "--owner", "nobody") == 0
    warning = f"{keys}/ops.private.pem cannot be read by the restored server's user"
    assert warning in capsys.readouterr().err
    code = run(
        container,
        target,
        *key,
        "--owner",
        "nobody",
        "--overwrite",
        "--no-recovery-config",
    )
    assert code == 0
    assert "cannot be read" not in capsys.readouterr().err


def test_file_with_the_passphrase_is_passed_on(
    container: Path,
    target: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store(container)
    create_key_files("locked", tmp_path, bits=3072, passphrase=b"correct horse")
    (tmp_path / "passphrase").write_text("correct horse\n")
    key = ["--private-key", str(tmp_path / "locked.private.pem"), "--accept-plain"]
    file = ["--private-key-passphrase-file", str(tmp_path / "passphrase")]

    assert run(container, target, *key, *file) == 0
    assert "has a passphrase" not in capsys.readouterr().err
    text = (target / "postgresql.auto.conf").read_text()
    assert f"--private-key-passphrase-file {tmp_path}/passphrase" in text
