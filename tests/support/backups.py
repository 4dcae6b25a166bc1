"""Backups of a real cluster: taking them, and unpacking them with tar alone."""

import ast
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import zstandard

from tests.support.cluster import Cluster, command_path
from tests.support.requirements import program

SERVER: Final = "main"

_WAL: Final = "wals"


@dataclass(frozen=True)
class Archive:
    """An unencrypted archive in a directory that the test user owns."""

    root: Path

    @property
    def url(self) -> str:
        return f"file://{self.root}"

    @property
    def path(self) -> Path:
        """Where this server's keys begin."""
        return self.root / SERVER

    @property
    def backup_ids(self) -> list[str]:
        base = self.path / "base"
        return sorted(each.name for each in base.iterdir()) if base.exists() else []

    @property
    def archive_command(self) -> str:
        return f"{command_path('wal-archive')} {self.url} {SERVER} %p"

    def object_names(self, backup_id: str) -> list[str]:
        """What lies in a backup's directory, unfinished uploads too."""
        return sorted(each.name for each in (self.path / "base" / backup_id).iterdir())

    def backup(self, backup_id: str | None = None) -> "StoredBackup":
        """Return the backup with that id; without one the only backup there is."""
        if backup_id is None:
            (backup_id,) = self.backup_ids
        return StoredBackup(self.path / "base" / backup_id)


@dataclass(frozen=True)
class StoredBackup:
    """One backup as it lies in the archive."""

    path: Path

    @property
    def info(self) -> Mapping[str, str]:
        """backup.info, undecoded."""
        text = (self.path / "backup.info").read_text()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return dict(line.split("=", 1) for line in lines)

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads(self._decompressed("backup_manifest.zst")))

    @property
    def manifest_paths(self) -> list[str]:
        """The files that the backup holds, in the order of its manifest."""
        return [str(each["Path"]) for each in self.manifest["Files"]]

    @property
    def volume_list(self) -> dict[str, Any]:
        return dict(json.loads(self._decompressed("volumes.json.zst")))

    @property
    def tablespaces(self) -> list[tuple[str, int, str]]:
        return list(ast.literal_eval(self.info["tablespaces"]) or ())

    def unpack(self, cluster: Cluster, target: Path) -> None:
        """Restore by hand: tar for everything, links for tablespaces, the manifest."""
        self._untar(cluster, "data*.tar.zst", target)
        for _, oid, _ in self.tablespaces:
            place = target.with_name(f"{target.name}-{oid}")
            self._untar(cluster, f"{oid}*.tar.zst", place)
            cluster.run(["ln", "-s", str(place), str(target / "pg_tblspc" / str(oid))])
        manifest = self._decompressed("backup_manifest.zst").decode()
        cluster.run(["tee", str(target / "backup_manifest")], input=manifest)

    def _untar(self, cluster: Cluster, pattern: str, target: Path) -> None:
        cluster.run(["mkdir", "-p", str(target)])
        for volume in sorted(self.path.glob(pattern)):
            data = self._decompressed(volume.name)
            argv = ["tar", "--extract", "--file=-", f"--directory={target}"]
            cluster.run(argv, input=data, text=False)

    def _decompressed(self, name: str) -> bytes:
        with (self.path / name).open("rb") as file:
            return zstandard.ZstdDecompressor().stream_reader(file).read()


@dataclass(frozen=True)
class BackupRunner:
    """Runs cloudhoard-backup as the cluster's user."""

    cluster: Cluster
    archive: Archive
    options: tuple[str, ...] = field(default=("--immediate-checkpoint",))

    def argv(self, *options: str) -> list[str]:
        """Return the command line; the cluster's environment says where it is."""
        place = [self.archive.url, SERVER]
        return [command_path("backup"), *self.options, *options, *place]

    def take(self, *options: str) -> StoredBackup:
        """Take a backup, which has to succeed."""
        before = set(self.archive.backup_ids)
        self.cluster.run(self.argv(*options))
        (made,) = set(self.archive.backup_ids) - before
        return self.archive.backup(made)

    def attempt(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Take a backup that may fail."""
        # Not in the data directory, which some tests take away.
        place = self.cluster.directory
        return self.cluster.run(self.argv(*options), cwd=place, check=False)


def put_wal(cluster: Cluster, archive: Archive, data_directory: Path) -> None:
    """Copy the archive's WAL into pg_wal by hand."""
    for path in sorted((archive.path / _WAL).rglob("*")):
        name = path.name.removesuffix(".zst")
        if path.is_file() and not name.endswith(".backup"):
            target = data_directory / "pg_wal" / name
            argv = [
                program("zstd"),
                "--quiet",
                "--decompress",
                "--force",
                "-o",
                str(target),
            ]
            cluster.run([*argv, str(path)])
