"""CloudHoard and barman-cloud on a bucket, to be let run against each other."""

import json
import subprocess
from pathlib import Path
from typing import Protocol

from tests.bench.contenders import (
    Contender,
    as_cluster_user,
    fresh,
    require_data_directory,
)
from tests.services.seaweedfs import ADMIN
from tests.support.cluster import Cluster
from tests.support.programs import command_path
from tests.support.s3_store import Bucket

SERVER = "bench"


class S3Contender(Contender, Protocol):
    """A tool that keeps WAL in a bucket, too."""

    def archive_segment(self, path: Path) -> list[str]:
        """Return the command that archives one segment."""

    def restore_segment(self, name: str, destination: Path) -> list[str]:
        """Return the command that fetches it."""


class _OnBucket:
    """What both do alike: a new bucket for every backup, and one directory."""

    def __init__(self, cluster: Cluster, directory: Path, endpoint: str) -> None:
        self._cluster = cluster
        self._root = directory
        self._endpoint = endpoint
        self._bucket: Bucket | None = None

    def check_restored(self) -> None:
        """Stop the benchmark if the last restore is not a data directory."""
        require_data_directory(self._root / "restored")

    def _new_bucket(self) -> None:
        if self._bucket is not None:
            self._bucket.remove()
        self._bucket = Bucket(self._endpoint, ADMIN)

    @property
    def _place(self) -> list[str]:
        if self._bucket is None:
            self._new_bucket()
        assert self._bucket is not None
        return ["--endpoint-url", self._endpoint, f"s3://{self._bucket.name}/pg"]

    @property
    def _server(self) -> list[str]:
        socket = str(self._cluster.socket_directory)
        return ["-h", socket, "-p", str(self._cluster.port), "-U", "postgres"]


class CloudHoardOnS3(_OnBucket):
    """Ours: zstd at level 3, encrypted and signed."""

    name = "cloudhoard zstd:3, encrypted, signed"

    def __init__(
        self, cluster: Cluster, directory: Path, endpoint: str, *, jobs: int
    ) -> None:
        super().__init__(cluster, directory / "cloudhoard", endpoint)
        self._jobs = ["--jobs", str(jobs)]
        self._keys = fresh(cluster, directory / "keys")
        create = [command_path("create-keys"), "--key-id", "bench"]
        cluster.run([*create, "--output-dir", str(self._keys)])
        self._writing = [
            *("--compression", "zstd:3"),
            *("--public-key", str(self._keys / "bench.public.pem")),
            *("--signing-key", str(self._keys / "bench.signing.pem")),
        ]
        self._reading = [
            *("--private-key", str(self._keys / "bench.private.pem")),
            *("--trusted-signer", str(self._keys / "bench.signing.public.pem")),
        ]

    def prepare_backup(self) -> list[str]:
        self._new_bucket()
        words = [command_path("wal-archive"), *self._writing, *self._place, SERVER]
        self._cluster.configure({"archive_command": " ".join([*words, "%p"])})
        self._cluster.wait_until_archived(self._cluster.switch_wal())
        options = [*self._jobs, "--immediate-checkpoint", *self._server]
        backup = [command_path("backup"), *options, *self._writing]
        return as_cluster_user(self._cluster, [*backup, *self._place, SERVER])

    def prepare_restore(self) -> list[str]:
        target = fresh(self._cluster, self._root / "restored")
        restore = [command_path("restore"), *self._jobs, *self._reading]
        argv = [*restore, *self._place, SERVER, "latest", str(target)]
        return as_cluster_user(self._cluster, argv)

    def archive_segment(self, path: Path) -> list[str]:
        argv = [command_path("wal-archive"), *self._writing, *self._place, SERVER]
        return as_cluster_user(self._cluster, [*argv, str(path)])

    def restore_segment(self, name: str, destination: Path) -> list[str]:
        argv = [command_path("wal-restore"), *self._reading, *self._place, SERVER]
        return as_cluster_user(self._cluster, [*argv, name, str(destination)])


class BarmanOnS3(_OnBucket):
    """barman-cloud, out of an environment of its own, with one of its compressions."""

    def __init__(
        self,
        cluster: Cluster,
        directory: Path,
        endpoint: str,
        *,
        jobs: int,
        environment: Path,
        compression: str,
    ) -> None:
        super().__init__(cluster, directory / f"barman-{compression}", endpoint)
        self.name = f"barman-cloud --{compression}"
        self._compression = f"--{compression}"
        self._jobs = ["--jobs", str(jobs)]
        self._programs = environment / "bin"

    def prepare_backup(self) -> list[str]:
        self._new_bucket()
        self._cluster.configure({"archive_command": "true"})
        options = [*self._jobs, "--immediate-checkpoint", *self._server]
        return self._command("backup", self._compression, *options, SERVER)

    def prepare_restore(self) -> list[str]:
        # It makes the directory itself, and compares nothing with what it holds.
        target = fresh(self._cluster, self._root) / "restored"
        return self._command("restore", SERVER, self._last_backup(), str(target))

    def archive_segment(self, path: Path) -> list[str]:
        return self._command("wal-archive", self._compression, SERVER, str(path))

    def restore_segment(self, name: str, destination: Path) -> list[str]:
        return self._command("wal-restore", SERVER, name, str(destination))

    def _last_backup(self) -> str:
        argv = self._command("backup-list", "--format", "json", SERVER)
        found = subprocess.run(argv, check=True, capture_output=True, text=True)
        backups = json.loads(found.stdout)["backups_list"]
        return str(max(each["backup_id"] for each in backups))

    def _command(self, name: str, *words: str) -> list[str]:
        """Return a command line: options of words, place, the rest of words."""
        at = words.index(SERVER)
        program = str(self._programs / f"barman-cloud-{name}")
        argv = [program, *words[:at], *self._place, *words[at:]]
        return as_cluster_user(self._cluster, argv)
