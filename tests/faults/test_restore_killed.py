"""A restore that is killed: what it leaves cannot be started and is taken over."""

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from cloudhoard.commands import restore
from cloudhoard.domain.backup_info import Tablespace
from cloudhoard.domain.restore_marker import RestoreMarker
from tests.support import faults
from tests.support.stored_backup import (
    BACKUP_ID,
    CONTROL,
    HandMadeBackup,
    Volume,
    all_paths,
    archive_below,
    first_volume,
    last_volume,
)

SIZE = 40 << 20
VERSION = b"PG_15_202209061"


class Scene:
    """An archive with a backup large enough to be killed in, and its directories."""

    def __init__(self, directory: Path) -> None:
        self.target = directory / "target"
        self.tablespace = directory / "ts"
        self.wal = directory / "wal"
        self.url = f"file://{directory}/archive"
        noise = Random(1)  # noqa: S311 - only not to be compressible
        big = noise.randbytes(SIZE // 4)
        volumes = [first_volume()]
        volumes += [Volume.of({b"base/5/%d" % n: big}) for n in range(3)]
        volumes.append(Volume.of({VERSION + b"/5/1": big}, item="16384"))
        backup = HandMadeBackup(
            volumes=[*volumes, last_volume()],
            tablespaces=(Tablespace("ts", 16384, "/srv/ts"),),
        )
        backup.store(archive_below(directory / "archive"))

    def arguments(self) -> list[str]:
        return [
            *("--tablespace", f"ts:{self.tablespace}", "--waldir", str(self.wal)),
            *(self.url, "main", BACKUP_ID, str(self.target)),
        ]

    def spawn(self, *, stderr: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        code = (
            "import sys; from cloudhoard.commands.restore import main; sys.exit(main())"
        )
        argv = [sys.executable, "-c", code, *self.arguments()]
        return subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=stderr, text=True
        )

    def restore(self) -> int:
        return restore.main(self.arguments())

    def content(self) -> dict[str, set[str]]:
        """All paths there are, by directory."""
        return {
            path.name: all_paths(path)
            for path in (self.target, self.tablespace, self.wal)
            if path.exists()
        }

    def startable(self) -> bool:
        return (self.target / "global/pg_control").exists()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, set[str]], float]:
    """What a restore that nobody kills leaves, and the seconds it takes."""
    scene = Scene(tmp_path_factory.mktemp("whole"))
    began = time.monotonic()
    process = scene.spawn()
    assert process.wait() == 0
    return scene.content(), time.monotonic() - began


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_a_random_moment_then_run_again(
    scene: Scene, whole: tuple[dict[str, set[str]], float], seed: int
) -> None:
    expected, seconds = whole
    process = scene.spawn()
    time.sleep(Random(seed).uniform(0.1, seconds))  # noqa: S311 - repeatable
    process.kill()
    process.wait()
    assert not scene.startable() or scene.content() == expected or marker(scene)

    if not scene.startable() or marker(scene):
        assert scene.restore() == 0

    assert scene.content() == expected
    assert (scene.target / "global/pg_control").read_bytes() == CONTROL


def test_killed_again_and_again(
    scene: Scene, whole: tuple[dict[str, set[str]], float]
) -> None:
    expected, seconds = whole
    for part in (0.5, 0.6, 0.7, 0.8, 0.9):
        if scene.startable():
            break
        process = scene.spawn()
        time.sleep(part * seconds)
        process.kill()
        process.wait()

    assert scene.startable() or scene.restore() == 0
    assert marker(scene) is False or scene.restore() == 0
    assert scene.content() == expected


@pytest.mark.parametrize(
    "place", ["before the marker", "before pg_control", "before the marker goes"]
)
def test_killed_in_each_of_the_narrow_places(scene: Scene, place: str) -> None:
    # Made by hand, as a random moment hardly ever hits them.
    assert scene.restore() == 0
    whole = scene.content()
    control = scene.target / "global/pg_control"
    (scene.target / "cloudhoard.restoring").write_bytes(marker_of(scene))
    if place == "before pg_control":
        control.rename(control.with_name("pg_control.cloudhoard-tmp"))
    if place == "before the marker":
        for path in (scene.target, scene.tablespace, scene.wal):
            subprocess.run(["find", path, "-mindepth", "1", "-delete"], check=True)
        (scene.target / "backup_manifest.cloudhoard-tmp").write_text("{")
        (scene.target / "cloudhoard.restoring.cloudhoard-tmp").write_text("{")

    assert scene.restore() == 0
    assert scene.content() == whole


def test_server_that_ran_on_what_a_killed_restore_left_is_not_emptied(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scene.restore() == 0
    (scene.target / "cloudhoard.restoring").write_bytes(marker_of(scene))
    control = scene.target / "global/pg_control"
    control.write_bytes(CONTROL[:-1] + b"!")
    before = scene.content()

    assert scene.restore() == 1
    assert "is not empty" in capsys.readouterr().err
    assert scene.content() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_interrupted_restore_ends_at_once_with_one_line(
    scene: Scene, number: signal.Signals
) -> None:
    process = scene.spawn(stderr=subprocess.PIPE)
    faults.wait_for_file(scene.target / "cloudhoard.restoring")
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)

    if process.returncode == 0:
        pytest.skip("the restore was faster than the signal")
    assert process.returncode == 1
    assert errors.splitlines()[-1].endswith(f"interrupted by {number.name}")
    assert "Traceback" not in errors
    assert not scene.startable()
    assert scene.restore() == 0


def test_archive_that_goes_away_half_way_exits_2_and_can_come_back(
    scene: Scene, tmp_path: Path
) -> None:
    process = scene.spawn(stderr=subprocess.PIPE)
    faults.wait_for_file(scene.target / "cloudhoard.restoring")
    (tmp_path / "archive").rename(tmp_path / "away")
    _, errors = process.communicate(timeout=60)

    if process.returncode == 0:
        pytest.skip("the restore was faster than the loss")
    assert process.returncode == 2, errors
    assert "Traceback" not in errors
    assert not scene.startable()
    (tmp_path / "away").rename(tmp_path / "archive")
    assert scene.restore() == 0


def test_two_restores_into_one_directory(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.target.mkdir()
    descriptor = os.open(scene.target, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

        assert scene.restore() == 1
    finally:
        os.close(descriptor)
    assert "another restore into" in capsys.readouterr().err
    assert list(scene.target.iterdir()) == []
    assert scene.restore() == 0


def test_target_without_room_is_refused_and_named(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with faults.tmpfs(tmp_path / "small", size=8 << 20) as small:
        code = restore.main(
            [
                *("--tablespace", f"ts:{scene.tablespace}", "--waldir", str(scene.wal)),
                *(scene.url, "main", BACKUP_ID, str(small / "data")),
            ]
        )

        assert code == 1
        assert "are free" in capsys.readouterr().err
        assert list(small.iterdir()) == []


def test_disk_that_gets_full_exits_4_and_the_next_restore_works(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with faults.tmpfs(tmp_path / "small", size=60 << 20) as small:
        target = small / "data"
        arguments = [
            *("--tablespace", f"ts:{scene.tablespace}", "--waldir", str(scene.wal)),
            *(scene.url, "main", BACKUP_ID, str(target)),
        ]
        # Not counted beforehand where a cluster is overwritten.
        target.mkdir()
        (target / "PG_VERSION").write_text("15\n")
        filler = faults.fill(small, leave=20 << 20)

        assert restore.main(["--overwrite", *arguments]) == 4
        assert "no space left on device" in capsys.readouterr().err
        assert not (target / "global/pg_control").exists()
        filler.unlink()
        assert restore.main(arguments) == 0


def marker(scene: Scene) -> bool:
    return (scene.target / "cloudhoard.restoring").exists()


def marker_of(scene: Scene) -> bytes:
    return RestoreMarker(
        backup_id=BACKUP_ID,
        control_sha256=hashlib.sha256(CONTROL).hexdigest(),
        directories=(str(scene.tablespace), str(scene.wal)),
    ).to_json()
