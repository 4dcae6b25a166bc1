"""Backups of barman-cloud's form that are incomplete, cut off, strange or hostile."""

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cloudhoard.commands import restore
from cloudhoard.domain.backup_info import Tablespace
from cloudhoard.domain.lsn import Lsn
from tests.support.barman_backups import (
    CONTROL,
    FIRST,
    LABEL,
    LAST,
    BarmanBackup,
    Tar,
    link,
    member,
)
from tests.support.key_files import KeyFiles
from tests.support.stored_backup import BACKUP_ID, archive_below

DIRECTORIES: Final = (".", "pg_tblspc", "pg_wal")


class Place:
    """An archive, and where it is restored to."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.target = directory / "target"
        self._capsys = capsys

    def restore(self, backup: BarmanBackup, *options: str) -> tuple[int, str]:
        """Return the exit code and what stands on stderr."""
        backup.store(archive_below(self.directory / "archive"))
        return self.again(*options)

    def again(self, *options: str) -> tuple[int, str]:
        url = f"file://{self.directory}/archive"
        code = restore.main([*options, url, "main", BACKUP_ID, str(self.target)])
        return code, self._capsys.readouterr().err

    def can_start(self) -> bool:
        return (self.target / "global" / "pg_control").exists()

    def read(self, name: str) -> bytes:
        return (self.target / name).read_bytes()


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path, capsys)


def backup_of(first: Tar, last: Tar | None = None) -> BarmanBackup:
    """Return a backup with these volumes of the data directory."""
    last = last or Tar(LAST)
    return BarmanBackup({"data.tar": first.content, "data_0001.tar": last.content})


def test_backup_is_restored_with_a_warning(place: Place) -> None:
    code, errors = place.restore(BarmanBackup())

    assert code == 0, errors
    assert errors.count("barman-cloud") == errors.count("could not be verified") == 1
    assert place.read("base/5/1259") == FIRST["base/5/1259"]
    assert place.read("backup_label") == LABEL
    assert place.read("global/pg_control") == CONTROL
    assert not (place.target / "backup_manifest").exists()
    assert not (place.target / "cloudhoard.restoring").exists()
    modes = {path: path.stat().st_mode & 0o7777 for path in place.target.rglob("*")}
    assert set(modes.values()) == {0o600, 0o700}


def test_pg_wal_is_made_where_there_is_none(place: Place) -> None:
    code, errors = place.restore(backup_of(Tar(FIRST)))

    assert code == 0, errors
    assert (place.target / "pg_wal").is_dir()
    assert (place.target / "pg_tblspc").is_dir()


def test_tablespace_goes_where_it_is_told(place: Place) -> None:
    tar = Tar({"PG_15_202209061/5/16385": b"rows", "PG_14_202107181/5/1": b"old"})
    backup = BarmanBackup().with_tablespace({"16384.tar": tar.content})

    code, errors = place.restore(backup, f"--tablespace=ts1:{place.directory}/ts")

    assert code == 0, errors
    moved = place.directory / "ts"
    assert (moved / "PG_15_202209061" / "5" / "16385").read_bytes() == b"rows"
    assert [path.name for path in moved.iterdir()] == ["PG_15_202209061"]
    assert (place.target / "pg_tblspc" / "16384").readlink() == moved


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_directory_of_somebody_else_is_not_given_away(place: Place) -> None:
    """backup.info is unsigned, and could name any empty directory of the host."""
    theirs = place.directory / "theirs"
    theirs.mkdir(mode=0o755)
    os.chown(theirs, 4711, 4711)
    backup = BarmanBackup().with_tablespace({"16384.tar": TAR})
    backup.changes["tablespaces"] = (Tablespace("ts1", 16384, str(theirs)),)

    code, errors = place.restore(backup)

    assert code == 1
    assert "belongs to somebody else" in errors
    status = theirs.stat()
    assert (status.st_uid, status.st_mode & 0o777) == (4711, 0o755)
    assert not place.target.exists()
    os.chown(theirs, os.geteuid(), os.getegid())
    assert place.again()[0] == 0


def without(backup: BarmanBackup, name: str) -> BarmanBackup:
    del backup.volumes[name]
    return backup


def with_volume(name: str, content: bytes) -> Callable[[], BarmanBackup]:
    def made() -> BarmanBackup:
        backup = BarmanBackup()
        backup.volumes[name] = content
        return backup

    return made


def cut(name: str, by: int) -> Callable[[], BarmanBackup]:
    def made() -> BarmanBackup:
        backup = BarmanBackup()
        backup.volumes[name] = backup.volumes[name][:-by]
        return backup

    return made


def zeroed_behind(kept: Tar, whole: Tar) -> BarmanBackup:
    """Return one whose first volume a crash has left with only the files of kept."""
    size = len(whole.content)
    content = kept.content.rstrip(b"\0").ljust(size, b"\0")
    return BarmanBackup({"data.tar": content, "data_0001.tar": Tar(LAST).content})


def told(**changes: object) -> Callable[[], BarmanBackup]:
    return lambda: BarmanBackup(changes=changes)


TAR: Final = Tar({"PG_15_202209061/5/16385": b"rows"}).content
DAMAGED: Final[dict[str, tuple[Callable[[], BarmanBackup], str]]] = {
    "first volume missing": (
        lambda: without(BarmanBackup(), "data.tar.gz"),
        "volume 0 of data is missing",
    ),
    "last volume missing": (
        lambda: without(BarmanBackup(), "data_0001.tar"),
        "backup_label is in no volume",
    ),
    "gap": (with_volume("data_0003.tar", TAR), "volume 2 of data is missing"),
    "twice": (with_volume("data_0001.tar.gz", TAR), "in two compressions"),
    "unknown tablespace": (with_volume("99.tar", TAR), "knows no tablespace 99"),
    "unknown compression": (with_volume("data_0002.tar.xz", TAR), "none of barman's"),
    "missing tablespace": (
        lambda: BarmanBackup().with_tablespace({}),
        "volume 0 of 16384 is missing",
    ),
    "volumes.json": (with_volume("volumes.json.zst", b""), "is CloudHoard's"),
    "our marker": (with_volume("started.json", b"{}"), "is CloudHoard's"),
    "encrypted manifest": (
        with_volume("backup_manifest.zst.enc", b""),
        "is CloudHoard's",
    ),
    "encrypted volume": (
        with_volume("volume.data.tar.zst.enc", b""),
        "is CloudHoard's",
    ),
    "our configuration": (with_volume("config.tar.zst", b""), "is CloudHoard's"),
    "no end of gzip": (cut("data.tar.gz", 4), "is cut short"),
    "no end of tar": (cut("data_0001.tar", 10240), "ends in the middle"),
    "end turned to zeros": (
        lambda: zeroed_behind(Tar({"./PG_VERSION": b"15\n"}), Tar(FIRST)),
        "zeros after its end",
    ),
    "empty volume": (with_volume("data_0002.tar", b""), "ends in the middle"),
    "another label": (told(begin_xlog=Lsn(0x5000028)), "backup_label begins at"),
    "changed label": (told(backup_label="START"), "not the one that backup.info has"),
    "another cluster": (told(systemid=1), "global/pg_control is of the cluster"),
    "another major": (told(version=160_000), "pg_control is of PostgreSQL 15"),
    "torn pg_control": (
        lambda: backup_of(
            Tar(FIRST),
            Tar({**LAST, "global/pg_control": bytes(8) + CONTROL[8:]}),
        ),
        "checksum is wrong",
    ),
    "no pg_control": (
        lambda: backup_of(Tar(FIRST), Tar({"backup_label": LABEL})),
        "pg_control is in no volume",
    ),
    "file twice": (
        lambda: backup_of(Tar(FIRST), Tar({**LAST, "./PG_VERSION": b"16"})),
        "is twice in the backup",
    ),
    "outside": (
        lambda: backup_of(Tar({**FIRST, "../victim": b"x"})),
        "is not a path inside",
    ),
    "absolute": (lambda: backup_of(Tar({**FIRST, "/etc/x": b"x"})), "is not a path"),
    "below pg_control": (
        lambda: backup_of(Tar({**FIRST, "global/pg_control/x": b""}), Tar(LAST)),
        "cannot be part of a backup",
    ),
    "into a tablespace": (
        lambda: BarmanBackup(
            {"data.tar": Tar({**FIRST, "pg_tblspc/16384/x": b""}).content}
        ).with_tablespace({"16384.tar": TAR, "data_0001.tar": Tar(LAST).content}),
        "belongs to a tablespace",
    ),
    "device": (
        lambda: backup_of(Tar(FIRST, members=[member("x", tarfile.CHRTYPE)])),
        "is a device",
    ),
    "hard link": (
        lambda: backup_of(
            Tar(FIRST, members=[member("x", tarfile.LNKTYPE, linkname="PG_VERSION")])
        ),
        "is a hard link",
    ),
    "set-user-id": (
        lambda: backup_of(
            Tar(FIRST, members=[member("x", tarfile.REGTYPE, mode=0o4755)])
        ),
        "has mode 4755",
    ),
    "configuration called as pg_wal": (
        lambda: BarmanBackup(
            {"data.tar": Tar({**FIRST, "pg_wal": b"", **LAST}).content},
            {"hba_file": "/etc/pg_wal"},
        ),
        "cannot be part of a backup",
    ),
    "file called pg_wal": (
        lambda: BarmanBackup(
            {"data.tar": Tar({**FIRST, "pg_wal": b"", **LAST}).content}
        ),
        "cannot be part of a backup",
    ),
    "configuration called as ours": (
        told(hba_file="/etc/cloudhoard.restored"),
        "cannot be part of a backup",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_found_and_nothing_can_start(place: Place, case: str) -> None:
    make, message = DAMAGED[case]
    options = [f"--tablespace-base-dir={place.directory}"] if "space" in case else []
    options += [f"--waldir={place.directory}/wal"] if "pg_wal" in case else []

    code, errors = place.restore(make(), *options)

    assert code == 5, errors
    assert message in errors.splitlines()[-1]
    assert not place.can_start()
    assert not (place.directory / "victim").exists()


REFUSED: Final[dict[str, tuple[dict[str, object], str]]] = {
    "snapshots": ({"snapshots_info": {"provider": "aws"}}, "disk snapshots"),
    "incremental": ({"parent_backup_id": "20261120T052227"}, "is incremental"),
    "encrypted": ({"encryption": "gpg"}, "encrypted by Barman"),
    "old": ({"version": 120_022}, "before 13"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_whole_cluster_is_refused_before_anything(
    place: Place, case: str
) -> None:
    changes, message = REFUSED[case]

    code, errors = place.restore(BarmanBackup(changes=changes))

    assert code == 1
    assert message in errors
    assert not place.target.exists()


def test_link_is_refused_by_name_or_left_out_by_name(place: Place) -> None:
    key, pipe = link("./server.key", "/etc/passwd"), member("log/p", tarfile.FIFOTYPE)
    long_target = link("./conf", "/srv/" + "x" * 200)
    slot = link("pg_replslot/s/x", "/")
    backup = backup_of(Tar(FIRST, members=[slot, key, pipe, long_target]))

    code, errors = place.restore(backup)

    assert code == 1
    assert "'server.key' is a symbolic link" in errors
    assert "--skip-links" in errors
    assert not place.can_start()

    code, errors = place.again("--skip-links")

    assert code == 0, errors
    left_out = [line for line in errors.splitlines() if "is left out" in line]
    assert [line.split("'")[1] for line in left_out] == ["server.key", "log/p", "conf"]
    assert place.can_start()
    assert not [path for path in place.target.rglob("*") if path.is_symlink()]


def test_what_a_base_backup_should_not_hold_is_left_out(place: Place) -> None:
    strange = [
        "./backup_manifest",
        "./recovery.signal",
        "./tablespace_map",
        "./cloudhoard.restored",
        "pg_replslot/slot/state",
        "pg_wal/000000010000000000000001",
        "pg_wal/archive_status/000000010000000000000001.ready",
        "base/pgsql_tmp/x",
    ]
    tar = Tar({**FIRST, **dict.fromkeys(strange, b"x")})

    code, errors = place.restore(
        backup_of(tar), "--no-recovery-config", "--archive-mode=take-over"
    )

    assert code == 0, errors
    assert not [name for name in strange if (place.target / name).exists()]


def test_last_label_is_the_one_that_counts(place: Place) -> None:
    """What an exclusive backup leaves is stored as a file of the data directory."""
    stale = Tar({**FIRST, "./backup_label": b"stale"})

    code, errors = place.restore(backup_of(stale))

    assert code == 0, errors
    assert place.read("backup_label") == LABEL


def test_configuration_from_outside_replaces_the_one_inside(place: Place) -> None:
    backup = backup_of(Tar(FIRST), Tar({"postgresql.conf": b"# outside\n", **LAST}))
    backup.changes["config_file"] = "/etc/postgresql/15/main/postgresql.conf"

    code, errors = place.restore(backup)

    assert code == 0, errors
    assert place.read("postgresql.conf") == b"# outside\n"
    assert "is in it now" in errors


def test_configuration_that_leads_back_to_the_original_is_warned_of(
    place: Place,
) -> None:
    """As Debian's does: a server started on the copy would run on the original."""
    outside = b"port = 5432\n\tData_Directory '/var/lib/postgresql/15/main'\n"
    backup = backup_of(Tar(FIRST), Tar({"postgresql.conf": outside, **LAST}))
    backup.changes["config_file"] = "/etc/postgresql/15/main/postgresql.conf"

    code, errors = place.restore(backup)

    assert code == 0, errors
    assert f"not on {place.target}" in errors
    commented = outside.replace(b"\tData", b"#Data")
    backup.volumes["data_0001.tar"] = Tar(
        {"postgresql.conf": commented, **LAST}
    ).content
    code, errors = place.restore(backup, "--overwrite")
    assert code == 0, errors
    assert "not on" not in errors


def test_restore_that_failed_is_taken_up_again(place: Place) -> None:
    backup = BarmanBackup()
    last = backup.volumes.pop("data_0001.tar")
    assert place.restore(backup)[0] == 5

    code, errors = place.restore(BarmanBackup({"data_0001.tar": last}))

    assert code == 0, errors
    assert place.can_start()


def test_keys_refuse_it_unless_plain_is_accepted(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keys = KeyFiles.make(tmp_path_factory.mktemp("keys"))
    for option in (
        f"--private-key={keys.private}",
        f"--trusted-signer={keys.signer}",
    ):
        code, errors = place.restore(BarmanBackup(), option)
        assert code == 5
        assert "--accept-plain" in errors
        assert not place.target.exists()

    code, errors = place.again(
        f"--private-key={keys.private}",
        f"--trusted-signer={keys.signer}",
        "--accept-plain",
    )

    assert code == 0, errors
