"""A stored object that is not what was stored: restore finds it, whatever it is."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding
from cloudhoard.codec.keys import PublicKey, SigningKey
from cloudhoard.commands import restore
from cloudhoard.domain.backup_info import Tablespace
from tests.support.key_files import KeyFiles
from tests.support.stored_backup import (
    BACKUP_ID,
    HandMadeBackup,
    Volume,
    archive_below,
    first_volume,
    last_volume,
)

OBJECTS = [
    "backup.info",
    "volumes.json.zst",
    "backup_manifest.zst",
    "data.tar",
    "data_0001.tar",
    "16384.tar",
    "config.tar",
]


TABLESPACES = (Tablespace("ts", 16384, "/srv/ts"),)


def tablespace_volume() -> Volume:
    return Volume.of({b"PG_15_1/5/1": b"row" * 999}, item="16384")


class Scene:
    """An archive with one backup, and where it would be restored to."""

    def __init__(
        self, directory: Path, encoding: Encoding, options: Iterable[str]
    ) -> None:
        self.directory = directory
        self.target = directory / "target"
        self.base = directory / "archive/main/base" / BACKUP_ID
        self.options = [
            *options,
            *("--tablespace", f"ts:{directory}/ts", "--config-dir", f"{directory}/etc"),
        ]
        config = Volume.of({b"postgresql.conf": b"x = 1\n"})
        backup = HandMadeBackup(
            volumes=[
                first_volume(),
                tablespace_volume(),
                last_volume(),
            ],
            tablespaces=TABLESPACES,
            config=config.tar,
            encoding=encoding,
        )
        backup.store(archive_below(directory / "archive"))

    def object(self, name: str) -> Path:
        """The file of an object, whatever suffix it has."""
        (path,) = (
            path
            for path in self.base.iterdir()
            if path.name.removeprefix("volume.").startswith(name)
        )
        return path

    def restore(self) -> int:
        url = f"file://{self.directory}/archive"
        return restore.main([*self.options, url, "main", BACKUP_ID, str(self.target)])

    def startable(self) -> bool:
        return (self.target / "global/pg_control").exists()


@pytest.fixture(scope="session")
def key_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return KeyFiles.make(tmp_path_factory.mktemp("keys")).directory


@pytest.fixture(params=["none", "zstd", "encrypted", "signed"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, key_directory: Path) -> Scene:
    if request.param in {"none", "zstd"}:
        return Scene(tmp_path, Encoding(Compression.parse(request.param)), [])
    signed = request.param == "signed"
    encoding = Encoding(
        Compression("zstd", 3),
        recipients=(PublicKey.load(key_directory / "ops.public.pem"),),
        signer=SigningKey.load(key_directory / "ops.signing.pem") if signed else None,
    )
    options = ["--private-key", str(key_directory / "ops.private.pem")]
    if signed:
        signer = str(key_directory / "ops.signing.public.pem")
        options += ["--trusted-signer", signer]
    return Scene(tmp_path, encoding, options)


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.splitlines()
    (error,) = (line for line in lines if "error: " in line)
    return error


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.97])
def test_flipped_byte(
    scene: Scene, name: str, place: float, capsys: pytest.CaptureFixture[str]
) -> None:
    if name == "backup.info" and "--trusted-signer" not in scene.options:
        pytest.skip("only a signature protects backup.info itself")
    path = scene.object(name)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x10
    path.write_bytes(content)

    assert scene.restore() == 5
    assert (name in (error := error_of(capsys))) or "backup.info" in error, error
    assert not scene.startable()


@pytest.mark.parametrize("name", OBJECTS[1:])
@pytest.mark.parametrize("left", [0, 1, 100, -1, -40])
def test_cut_short(
    scene: Scene, name: str, left: int, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scene.object(name)
    path.write_bytes(path.read_bytes()[:left])

    assert scene.restore() == 5
    assert name in error_of(capsys)
    assert not scene.startable()


@pytest.mark.parametrize("name", OBJECTS[1:])
def test_something_added(
    scene: Scene, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scene.object(name)
    path.write_bytes(path.read_bytes() + bytes(512))

    assert scene.restore() == 5
    assert name in error_of(capsys)
    assert not scene.startable()


@pytest.mark.parametrize("name", OBJECTS[1:])
def test_gone(scene: Scene, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    scene.object(name).unlink()

    assert scene.restore() == 5
    assert name in (error := error_of(capsys))
    assert "is missing, though the backup is complete" in error
    assert not scene.startable()


def test_two_volumes_swapped(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = scene.object("data.tar"), scene.object("data_0001.tar")
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)

    assert scene.restore() == 5
    assert "data" in error_of(capsys)
    assert not scene.startable()


def test_volume_of_another_backup_of_the_same_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, Encoding(Compression("none", 0)), [])
    path = scene.object("data.tar")
    other = path.read_bytes().replace(b"pg_class", b"pg_clasX")
    assert hashlib.sha256(other).digest() != hashlib.sha256(path.read_bytes()).digest()
    path.write_bytes(other)

    assert scene.restore() == 5
    assert "'base/5/1259' is not what it was" in error_of(capsys)
    assert not scene.startable()


def test_damage_in_the_padding_of_a_plain_tar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(tmp_path, Encoding(Compression("none", 0)), [])
    path = scene.object("data.tar")
    content = bytearray(path.read_bytes())
    # The owner's name in a header: no checksum of ours but the volume's covers it
    # once tar's own is made to fit.
    position = content.index(b"PG_VERSION")
    content[position + 265] ^= 1
    header = content[position : position + 512]
    header[148:156] = b" " * 8
    content[position + 148 : position + 156] = b"%06o\0 " % sum(header)
    path.write_bytes(content)

    assert scene.restore() == 5
    assert "data.tar is not what was stored" in error_of(capsys)
    assert not scene.startable()


def test_sound_manifest_that_is_not_the_committed_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Its own checksum is right, the files are the same, only their times are not.
    scene = Scene(tmp_path, Encoding(Compression("zstd", 3)), [])
    path = scene.object("backup_manifest.zst")
    size = path.stat().st_size
    for other in sound_manifests(tmp_path, path):
        if len(other) == size:
            path.write_bytes(other)
            break
    else:
        pytest.fail("no other manifest has that size")

    assert scene.restore() == 5
    assert "backup_manifest.zst is not what was stored" in error_of(capsys)
    assert not scene.target.exists()


def sound_manifests(directory: Path, path: Path) -> Iterator[bytes]:
    """Stored manifests of the same backup with other modification times."""
    for second in range(60):
        volumes = [first_volume(), tablespace_volume(), last_volume()]
        for volume in volumes:
            volume.entries = [
                replace(each, modified_at=each.modified_at.replace(second=second))
                for each in volume.entries
            ]
        other = HandMadeBackup(volumes=volumes, tablespaces=TABLESPACES)
        other.store(archive_below(directory / f"other{second}"))
        stored = directory / f"other{second}" / path.relative_to(directory / "archive")
        if stored.read_bytes() != path.read_bytes():
            yield stored.read_bytes()


def test_restore_after_the_damage_is_mended(scene: Scene) -> None:
    path = scene.object("data_0001.tar")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert scene.restore() == 5
    path.write_bytes(content)

    assert scene.restore() == 0
    assert scene.startable()
    assert not (scene.target / "cloudhoard.restoring").exists()
