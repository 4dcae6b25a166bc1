"""Archives that somebody forged in full: every hash in them agrees with the next.

Whatever they hold, nothing appears outside the target, the error is one clear line,
and what is left cannot be started.
"""

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloudhoard.commands import restore
from cloudhoard.domain.backup_info import BackupInfo, Tablespace
from cloudhoard.domain.manifest import ManifestEntry
from cloudhoard.domain.volume_list import VolumeList
from tests.support.stored_backup import (
    BACKUP_ID,
    CONTROL,
    FILES,
    LAST_FILES,
    HandMadeBackup,
    Volume,
    archive_below,
    directory_member,
    entry,
    file_member,
    first_volume,
    last_volume,
)

EVIL = b"#!/bin/sh\n"


class Scene:
    """A host with an archive, a target, and things that must stay as they are."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.target = directory / "srv" / "target"
        self.outside = directory / "outside"
        self.places = [self.target, directory / "archive"]
        self._capsys = capsys
        for made in (self.outside, self.target.parent, directory / "srv/empty"):
            made.mkdir(parents=True)
        (self.outside / "precious").write_bytes(b"precious")
        (directory / "victim").write_bytes(b"victim")

    def restore(self, backup: HandMadeBackup, *options: str) -> tuple[int, str]:
        """The exit code and the error line."""
        backup.store(archive_below(self.directory / "archive"))
        before = self._all_else()
        url = f"file://{self.directory}/archive"
        code = restore.main([*options, url, "main", BACKUP_ID, str(self.target)])
        assert self._all_else() == before
        output = self._capsys.readouterr()
        errors = [line for line in output.err.splitlines() if "error: " in line]
        assert "Traceback" not in output.err
        return code, "\n".join(errors)

    def refuse(self, backup: HandMadeBackup, *options: str) -> str:
        """The one error line of a restore that must end in exit code 5."""
        code, error = self.restore(backup, *options)
        assert code == 5, error
        assert error.startswith("cloudhoard-restore: error: ")
        assert error.count("\n") == 0
        assert not (self.target / "global/pg_control").exists()
        return error

    def restore_with_place(
        self, backup: HandMadeBackup, place: Path
    ) -> tuple[int, str]:
        """The same with a place for the tablespace ts, which belongs to the target."""
        self.places.append(place)
        return self.restore(backup, "--tablespace", f"ts:{place}")

    def _all_else(self) -> dict[str, tuple[int, bytes]]:
        return {
            str(path): (path.lstat().st_mode, self._content(path))
            for path in self.directory.rglob("*")
            if not any(path.is_relative_to(place) for place in self.places)
        }

    @staticmethod
    def _content(path: Path) -> bytes:
        return path.read_bytes() if path.is_file() else b""


@pytest.fixture
def scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scene:
    return Scene(tmp_path, capsys)


def with_members(
    *members: bytes, entries: tuple[ManifestEntry, ...] = ()
) -> HandMadeBackup:
    """A backup whose first volume has more members and entries than it should."""
    first = first_volume()
    first.members += members
    first.entries += entries
    return HandMadeBackup(volumes=[first, last_volume()])


def raw_member(name: str, kind: bytes, content: bytes = b"", **fields: Any) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    header = info.tobuf(tarfile.GNU_FORMAT)
    return header + content + bytes(-len(content) % 512)


def pax_member(records: dict[str, str], name: str, content: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.pax_headers = records
    return info.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % 512)


CLIMBING = [
    b"../victim",
    b"../../victim",
    b"base/../../../victim",
    b"base/5/..",
    b"/etc/cron.d/evil",
    b"//etc/cron.d/evil",
    b"./../victim",
    b"base//x",
    b"base/./x",
    b"..",
    b"",
    b"x\0y",
]


@pytest.mark.parametrize("name", CLIMBING)
def test_name_that_climbs_in_tar_and_manifest(scene: Scene, name: bytes) -> None:
    backup = with_members(file_member(name, EVIL), entries=(entry(name, EVIL),))

    scene.refuse(backup)


@pytest.mark.parametrize("name", CLIMBING)
def test_name_that_climbs_in_the_tar_only(scene: Scene, name: bytes) -> None:
    error = scene.refuse(with_members(file_member(name, EVIL)))

    assert "is not in the manifest" in error


@pytest.mark.parametrize(
    "name", [b"..", b"../d", b"/d", b"base/../../d", b"a//b", b"/"]
)
def test_directory_that_climbs(scene: Scene, name: bytes) -> None:
    info = tarfile.TarInfo(os.fsdecode(name) + "/")
    info.type = tarfile.DIRTYPE

    error = scene.refuse(with_members(info.tobuf(tarfile.GNU_FORMAT)))

    assert "is not a path inside a directory" in error


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "named pipe"),
        (tarfile.GNUTYPE_SPARSE, "sparse file"),
        (tarfile.GNUTYPE_LONGNAME, "kind b'L'"),
        (tarfile.GNUTYPE_LONGLINK, "kind b'K'"),
        (tarfile.XGLTYPE, "kind b'g'"),
    ],
)
def test_member_of_another_kind(scene: Scene, kind: bytes, said: str) -> None:
    member = raw_member("base/5/9", kind, linkname=str(scene.directory / "victim"))
    empty = entry(b"base/5/9", b"")

    assert said in scene.refuse(with_members(member, entries=(empty,)))


def test_link_then_a_file_through_it(scene: Scene) -> None:
    link = raw_member("base/5/d", tarfile.SYMTYPE, linkname=str(scene.outside))
    through = b"base/5/d/evil"
    members = (link, file_member(through, EVIL))

    scene.refuse(with_members(*members, entries=(entry(through, EVIL),)))


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1644])
def test_special_mode_bits(scene: Scene, mode: int) -> None:
    member = raw_member("base/5/9", tarfile.REGTYPE, EVIL, mode=mode)
    listed = entry(b"base/5/9", EVIL)

    assert f"has mode {mode:o}" in scene.refuse(with_members(member, entries=(listed,)))


def test_file_twice_in_one_volume(scene: Scene) -> None:
    again = file_member(b"base/5/1259", FILES[b"base/5/1259"])

    assert "or twice in the volume" in scene.refuse(with_members(again))


def test_file_twice_in_the_manifest(scene: Scene) -> None:
    content = FILES[b"base/5/1259"]
    backup = with_members(
        file_member(b"base/5/1259", content), entries=(entry(b"base/5/1259", content),)
    )

    assert "twice in the manifest" in scene.refuse(backup)


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_file_twice_in_two_volumes(scene: Scene, jobs: str) -> None:
    volumes = [first_volume(), Volume.of({b"base/5/1259": EVIL}), last_volume()]

    error = scene.refuse(HandMadeBackup(volumes=volumes), "--jobs", jobs)

    assert "'base/5/1259' is twice in the backup" in error


def test_pg_control_twice(scene: Scene) -> None:
    volumes = [first_volume(), Volume.of({b"global/pg_control": EVIL}), last_volume()]

    assert "twice" in scene.refuse(HandMadeBackup(volumes=volumes), "--jobs", "1")


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_file_where_another_volume_has_a_directory(scene: Scene, jobs: str) -> None:
    volumes = [first_volume(), Volume.of({b"base/5": EVIL}), last_volume()]

    error = scene.refuse(HandMadeBackup(volumes=volumes), "--jobs", jobs)

    assert "is twice in the backup" in error or "is not a directory" in error


@pytest.mark.parametrize(
    "records",
    [
        {"path": "../../victim"},
        {"size": "4"},
        {"size": "99999999999"},
        {"linkpath": "/etc/passwd"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
        {"GNU.sparse.map": "0,9999999999"},
        {"GNU.sparse.name": "../../victim", "GNU.sparse.realsize": "9"},
        {"SCHILY.xattr.user.x": "y"},
    ],
)
def test_pax_records_that_change_the_member(
    scene: Scene, records: dict[str, str]
) -> None:
    member = pax_member(records, "base/5/9", EVIL)

    scene.refuse(with_members(member, entries=(entry(b"base/5/9", EVIL),)))


def test_member_larger_than_the_manifest_says(scene: Scene) -> None:
    member = file_member(b"base/5/9", EVIL * 1000)

    error = scene.refuse(with_members(member, entries=(entry(b"base/5/9", EVIL),)))

    assert "'base/5/9' has 10000 bytes, in the manifest it has 10" in error


def test_member_that_claims_terabytes(scene: Scene) -> None:
    header = raw_member("base/5/9", tarfile.REGTYPE)
    info = tarfile.TarInfo("base/5/9")
    info.size = 1 << 45
    header = info.tobuf(tarfile.GNU_FORMAT)
    listed = ManifestEntry(
        b"base/5/9", 1 << 45, entry(b"x", b"").modified_at, b"x" * 32
    )

    assert "cannot hold the files" in scene.refuse(
        with_members(header, entries=(listed,))
    )


def test_content_that_the_manifest_does_not_know(scene: Scene) -> None:
    changed = {**FILES, b"base/5/1259": b"pg_clasS" * 1024}
    first = first_volume(changed)
    first.entries = first_volume().entries

    error = scene.refuse(HandMadeBackup(volumes=[first, last_volume()]))

    assert "'base/5/1259' is not what it was" in error
    assert "base/20261121T052227/data.tar.zst" in error


def test_decompression_bomb(scene: Scene) -> None:
    # 300 MB of zeros behind the end of a tar, in some ten kilobytes.
    first = first_volume()
    first.end = bytes(300 << 20)

    def small(volumes: VolumeList) -> VolumeList:
        head, *rest = volumes.objects
        return replace(volumes, objects=(replace(head, plain_size=1 << 20), *rest))

    backup = HandMadeBackup(volumes=[first, last_volume()], alter_list=small)

    assert "holds more than the 1048576 bytes it may have" in scene.refuse(backup)


def test_volume_list_bomb(scene: Scene) -> None:
    def bloated(info: BackupInfo) -> BackupInfo:
        return info

    backup = HandMadeBackup(alter_info=bloated, list_padding=200 << 20)

    assert "volumes.json.zst holds more than" in scene.refuse(backup)


def test_backup_that_cannot_fit_is_refused_before_it_is_fetched(scene: Scene) -> None:
    def huge(volumes: VolumeList) -> VolumeList:
        head, *rest = volumes.objects
        return replace(volumes, objects=(replace(head, plain_size=1 << 60), *rest))

    code, error = scene.restore(HandMadeBackup(alter_list=huge))

    assert code == 1
    assert "of which" in error
    assert not scene.target.exists()


def test_directories_without_end(scene: Scene) -> None:
    first = first_volume()
    first.members += [directory_member(b"d/%d" % n) for n in range(3)]
    first.members.append(directory_member(b"d") * 100_000)

    error = scene.refuse(HandMadeBackup(volumes=[first, last_volume()]))

    assert "more than 100000 directories" in error


def test_member_that_is_not_in_the_manifest(scene: Scene) -> None:
    error = scene.refuse(with_members(file_member(b"base/5/evil", EVIL)))

    assert "'base/5/evil' is not in the manifest" in error


def test_manifest_entry_that_is_in_no_volume(scene: Scene) -> None:
    error = scene.refuse(with_members(entries=(entry(b"base/5/lost", b"x"),)))

    assert "1 files are missing, the first is 'base/5/lost'" in error


def test_manifest_that_is_longer_than_the_volumes(scene: Scene) -> None:
    def fewer(volumes: VolumeList) -> VolumeList:
        *rest, last, manifest = volumes.objects
        last = replace(last, files=last.files - 1)
        return replace(volumes, objects=(*rest, last, manifest))

    assert "is in no volume" in scene.refuse(HandMadeBackup(alter_list=fewer))


def test_manifest_that_is_shorter_than_the_volumes(scene: Scene) -> None:
    def more(volumes: VolumeList) -> VolumeList:
        *rest, last, manifest = volumes.objects
        last = replace(last, files=last.files + 1)
        return replace(volumes, objects=(*rest, last, manifest))

    assert "the manifest ends in the middle" in scene.refuse(
        HandMadeBackup(alter_list=more)
    )


def test_manifest_without_pg_control(scene: Scene) -> None:
    volumes = [first_volume(), Volume.of({b"backup_label": b"x"})]

    assert "lacks global/pg_control" in scene.refuse(HandMadeBackup(volumes=volumes))


@pytest.mark.parametrize(
    "alter",
    [
        lambda text: text[:-40],
        lambda text: text.replace(b'"Size": 8192', b'"Size": 8193'),
        lambda text: text + b"x",
        lambda _: b"{}",
        lambda _: b"",
        lambda _: b"[" * 100_000,
        lambda text: text.replace(b"SHA256", b"CRC32C"),
        lambda text: b"\0" * 1000 + text,
        lambda text: text.replace(b"\n", b""),
    ],
)
def test_manifest_that_is_none(scene: Scene, alter: Callable[[bytes], bytes]) -> None:
    scene.refuse(HandMadeBackup(alter_manifest=alter))


@pytest.mark.parametrize(
    "name",
    [
        b"recovery.signal",
        b"standby.signal",
        b"postmaster.pid",
        b"backup_manifest",
        b"backup_manifest.cloudhoard-tmp",
        b"cloudhoard.restored",
        b"cloudhoard.restoring",
        b"cloudhoard.restoring/x",
        b"postgresql.auto.conf.cloudhoard-tmp",
        b"global/pg_control.cloudhoard-tmp",
    ],
)
def test_names_that_restore_itself_uses(scene: Scene, name: bytes) -> None:
    backup = with_members(file_member(name, EVIL), entries=(entry(name, EVIL),))

    assert "cannot be part of a backup" in scene.refuse(backup)
    assert not scene.target.exists(), "the manifest is read before anything is made"


@pytest.mark.parametrize(
    "name",
    [
        b"backup_manifest",
        b"cloudhoard.restored",
        b"recovery.signal",
        b"postgresql.auto.conf.cloudhoard-tmp",
        b"global/pg_control.cloudhoard-tmp",
        b"global/pg_control",
    ],
)
def test_directories_in_the_place_of_files_that_restore_writes(
    scene: Scene, name: bytes
) -> None:
    scene.refuse(with_members(directory_member(name)))


def tablespace_backup(
    location: str, name: bytes = b"PG_15_202209061/5/1"
) -> HandMadeBackup:
    volumes = [first_volume(), Volume.of({name: EVIL}, item="16384"), last_volume()]
    return HandMadeBackup(
        volumes=volumes, tablespaces=(Tablespace("ts", 16384, location),)
    )


def test_forged_location_is_not_made(scene: Scene) -> None:
    code, error = scene.restore(tablespace_backup(f"{scene.directory}/etc/cron.d"))

    assert code == 1
    assert "which does not exist" in error
    assert not scene.target.exists()


@pytest.mark.parametrize("options", [[], ["--overwrite"]])
def test_forged_location_that_is_in_use(scene: Scene, options: list[str]) -> None:
    code, error = scene.restore(tablespace_backup(str(scene.outside)), *options)

    assert code == 1
    assert "is not empty" in error
    assert not scene.target.exists()


@pytest.mark.parametrize(
    "location",
    [
        "/",
        "//",
        "",
        ".",
        "relative",
        "pg_tblspc/../../x",
        "{0}/srv/empty/../../outside",
        "{0}/srv/empty/",
        "{0}/srv/./empty",
        "{0}/srv/empty\x1b[2J",
        "{0}//srv/empty",
    ],
)
def test_forged_location_with_detours(scene: Scene, location: str) -> None:
    forged = location.format(scene.directory)

    code, error = scene.restore(tablespace_backup(forged))

    assert code == 1
    assert "no place for one" in error
    assert "\x1b" not in error


@pytest.mark.parametrize("location", ["{0}/srv/target", "{0}/srv", "{0}"])
def test_forged_location_around_the_target(scene: Scene, location: str) -> None:
    scene.target.mkdir()

    code, error = scene.restore(tablespace_backup(location.format(scene.directory)))

    assert code in (1, 3)
    assert "cannot both be restored into" in error


@pytest.mark.parametrize(
    "name", [b"authorized_keys", b"PG_15/x", b"x/PG_15_1/y", b"PG_15_1"]
)
def test_tablespace_holds_version_directories_only(scene: Scene, name: bytes) -> None:
    backup = tablespace_backup(f"{scene.directory}/was", name)
    place = scene.target.parent / "target-ts"

    code, error = scene.restore_with_place(backup, place)

    assert code == 5
    assert "cannot be in a tablespace" in error


@pytest.mark.parametrize("name", [b"../x", b"/x", b"PG_15_1/../../x"])
def test_tablespace_member_that_climbs(scene: Scene, name: bytes) -> None:
    backup = tablespace_backup(f"{scene.directory}/was", name)

    code, _ = scene.restore_with_place(backup, scene.target.parent / "target-ts")

    assert code == 5


def test_data_volume_that_writes_into_a_tablespace(scene: Scene) -> None:
    backup = tablespace_backup(f"{scene.directory}/was")
    name = b"pg_tblspc/16384/evil"
    backup.volumes[0].members.append(file_member(name, EVIL))
    backup.volumes[0].entries.append(entry(name, EVIL))

    code, error = scene.restore_with_place(backup, scene.target.parent / "target-ts")

    assert code == 5
    assert "belongs to a tablespace" in error


def test_tablespace_volume_that_names_data_files(scene: Scene) -> None:
    backup = tablespace_backup(f"{scene.directory}/was")
    backup.volumes[1].entries = [entry(b"base/5/1259x", EVIL)]

    code, error = scene.restore_with_place(backup, scene.target.parent / "target-ts")

    assert code == 5
    assert "cannot be in 16384.tar.zst" in error


def test_volumes_of_a_tablespace_that_backup_info_lacks(scene: Scene) -> None:
    backup = tablespace_backup(f"{scene.directory}/was")
    backup.tablespaces = ()

    assert "16384" in scene.refuse(backup)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"status=DONE\n",
        b"\xff\xfe",
        b"status=DONE\nend_time=2026-11-21 05:23:00+00:00\n#cloudhoard {}\n",
        b"tablespaces=__import__('os').system('touch /tmp/evil')\n",
        b"tablespaces=" + b"[" * 100_000 + b"\n",
        b"x" * (9 << 20),
    ],
)
def test_backup_info_that_is_none(scene: Scene, text: bytes) -> None:
    backup = HandMadeBackup(info_bytes=text)

    code, error = scene.restore(backup)

    assert code in (1, 5)
    assert error.startswith("cloudhoard-restore: error: ")
    assert not scene.target.exists()


def test_backup_info_under_another_id(scene: Scene) -> None:
    def renamed(info: BackupInfo) -> BackupInfo:
        assert info.cloudhoard is not None
        other = replace(info.cloudhoard, backup_id="20200101T000000")
        return replace(info, cloudhoard=other)

    assert "is of backup 20200101T000000" in scene.refuse(
        HandMadeBackup(alter_info=renamed)
    )


def config_tar(*members: bytes) -> bytes:
    return b"".join(members) + bytes(1024)


@pytest.mark.parametrize(
    "member",
    [
        file_member(b"../victim", EVIL),
        file_member(b"/etc/passwd", EVIL),
        raw_member("x", tarfile.SYMTYPE, linkname="/etc/passwd"),
        raw_member("x", tarfile.REGTYPE, EVIL, mode=0o4755),
        directory_member(b"../d"),
        b"garbage" * 200,
    ],
)
def test_configuration_that_is_hostile(scene: Scene, member: bytes) -> None:
    backup = HandMadeBackup(config=config_tar(file_member(b"a", b"a"), member))
    place = scene.target.parent / "target-etc"

    scene.places.append(place)

    scene.refuse(backup, "--config-dir", str(place))
    assert not (place / "victim").exists()


@pytest.fixture(autouse=True)
def no_new_files_in_temporary_directories() -> Iterator[None]:
    yield
    assert not Path("/tmp/evil").exists()  # noqa: S108 - what a forged file would make


def test_the_honest_backup_of_these_tests_is_accepted(scene: Scene) -> None:
    code, error = scene.restore(HandMadeBackup())

    assert (code, error) == (0, "")
    control = (scene.target / "global/pg_control").read_bytes()
    assert hashlib.sha256(control).digest() == hashlib.sha256(CONTROL).digest()
    assert (scene.target / "backup_label").read_bytes() == LAST_FILES[b"backup_label"]
