"""The tools that the backup benchmark lets run against each other."""

import os
import shutil
from pathlib import Path
from typing import Protocol

from tests.support.cluster import Cluster
from tests.support.programs import command_path


class Contender(Protocol):
    """A tool that can back a cluster up and restore it."""

    name: str

    def prepare_backup(self) -> list[str]:
        """Clear the way and return the command that takes a backup."""

    def prepare_restore(self) -> list[str]:
        """Clear the way and return the command that restores the last backup."""

    def check_restored(self) -> None:
        """Stop the benchmark if the last restore is not a data directory."""


def as_cluster_user(cluster: Cluster, argv: list[str]) -> list[str]:
    """Return argv as the operating system user that runs the cluster."""
    if os.geteuid() != 0:
        return argv
    return ["runuser", "-u", cluster.user, "--", *argv]


def fresh(cluster: Cluster, directory: Path) -> Path:
    """Return directory, empty and owned by the cluster's user."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700, parents=True)
    return cluster.os_user.give(directory)


def require_data_directory(directory: Path) -> None:
    """Stop when directory does not hold what every data directory holds."""
    if not (directory / "global" / "pg_control").exists():
        message = f"{directory} is not a restored data directory"
        raise SystemExit(message)


class TarPipe:
    """tar and zstd, as quick as the two get on two cores, without any check."""

    def __init__(self, cluster: Cluster, directory: Path, *, synced: bool) -> None:
        self.name = "tar | zstd -3 -T2" + (", synced" if synced else "")
        self._cluster = cluster
        self._synced = synced
        self._root = directory / ("tar-synced" if synced else "tar")

    def prepare_backup(self) -> list[str]:
        archive = fresh(self._cluster, self._root) / "data.tar.zst"
        source = self._cluster.data_directory
        tar = f"tar -C {source} -cf - --exclude=./pg_wal/* --exclude=./postmaster.pid ."
        after = f" && sync {archive}" if self._synced else ""
        return self._shell(f"{tar} | zstd -q -3 -T2 -o {archive}{after}")

    def prepare_restore(self) -> list[str]:
        target = fresh(self._cluster, self._root / "restored")
        after = f" && sync -f {target}" if self._synced else ""
        archive = self._root / "data.tar.zst"
        return self._shell(f"zstd -q -dc {archive} | tar -C {target} -xf -{after}")

    def check_restored(self) -> None:
        require_data_directory(self._root / "restored")

    def _shell(self, script: str) -> list[str]:
        return as_cluster_user(self._cluster, ["sh", "-c", script])


class CloudHoard:
    """Ours: zstd at level 3, every file and object hashed, durable on return."""

    def __init__(
        self, cluster: Cluster, directory: Path, *, jobs: int, encrypted: bool
    ) -> None:
        self.name = "cloudhoard " + ("encrypted, signed" if encrypted else "plain")
        self._cluster = cluster
        self._jobs = ["--jobs", str(jobs)]
        self._encrypted = encrypted
        self._root = directory / ("ch-encrypted" if encrypted else "ch-plain")
        self._keys = directory / ("keys-encrypted" if encrypted else "keys-plain")
        self._turn = 0
        fresh(cluster, self._keys)
        if encrypted:
            create = [command_path("create-keys"), "--key-id", "bench"]
            cluster.run([*create, "--output-dir", str(self._keys)])

    def prepare_backup(self) -> list[str]:
        # A new place each time: the spool remembers that the last one was in use.
        self._turn += 1
        fresh(self._cluster, self._root)
        fresh(self._cluster, self._root / f"archive{self._turn}")
        self._archive_wal()
        cluster = self._cluster
        server = ["-h", str(cluster.socket_directory), "-p", str(cluster.port)]
        options = [*self._jobs, "--immediate-checkpoint", *server, "-U", "postgres"]
        backup = [command_path("backup"), "--compression", "zstd:3", *options]
        return as_cluster_user(
            cluster, [*backup, *self._writing_keys(), *self._archive]
        )

    def prepare_restore(self) -> list[str]:
        target = fresh(self._cluster, self._root / "restored")
        restore = [command_path("restore"), *self._jobs, *self._reading_keys()]
        argv = [*restore, *self._archive, "latest", str(target)]
        return as_cluster_user(self._cluster, argv)

    def check_restored(self) -> None:
        require_data_directory(self._root / "restored")

    @property
    def _archive(self) -> list[str]:
        return [f"file://{self._root}/archive{self._turn}", "bench"]

    def _archive_wal(self) -> None:
        """Make the server archive where this contender's backup looks for WAL."""
        words = [command_path("wal-archive"), *self._writing_keys(), *self._archive]
        command = " ".join([*words, "%p"])
        self._cluster.configure({"archive_command": command})
        self._cluster.wait_until_archived(self._cluster.switch_wal())

    def _writing_keys(self) -> list[str]:
        if not self._encrypted:
            return []
        public = ["--public-key", str(self._keys / "bench.public.pem")]
        return [*public, "--signing-key", str(self._keys / "bench.signing.pem")]

    def _reading_keys(self) -> list[str]:
        if not self._encrypted:
            return []
        private = ["--private-key", str(self._keys / "bench.private.pem")]
        signer = str(self._keys / "bench.signing.public.pem")
        return [*private, "--trusted-signer", signer]


class PgBackRest:
    """The peer, with zstd at level 3; without archiving, which is not timed here."""

    def __init__(self, cluster: Cluster, directory: Path, *, jobs: int) -> None:
        self.name = "pgbackrest zst"
        self._cluster = cluster
        self._jobs = jobs
        self._root = directory / "pgbackrest"

    def prepare_backup(self) -> list[str]:
        fresh(self._cluster, self._root)
        self._cluster.run(self._command("stanza-create", "--no-online"))
        backup = self._command(
            "backup", "--no-online", "--force", "--type=full", *self._options()
        )
        return as_cluster_user(self._cluster, backup)

    def prepare_restore(self) -> list[str]:
        target = fresh(self._cluster, self._root / "restored")
        options = [f"--process-max={self._jobs}", f"--spool-path={self._root}/spool"]
        restore = self._command("restore", *options, data=target)
        return as_cluster_user(self._cluster, restore)

    def check_restored(self) -> None:
        require_data_directory(self._root / "restored")

    def _options(self) -> list[str]:
        compression = ["--compress-type=zst", "--compress-level=3"]
        keep = "--repo1-retention-full=9"  # not said, it warns
        return [*compression, f"--process-max={self._jobs}", keep]

    def _command(self, name: str, *options: str, data: Path | None = None) -> list[str]:
        places = [
            "--no-config",
            f"--repo1-path={self._root}/repo",
            f"--log-path={self._root}",
            f"--lock-path={self._root}/lock",
            f"--pg1-path={data or self._cluster.data_directory}",
            "--log-level-console=error",
            "--log-level-file=off",
        ]
        return ["pgbackrest", "--stanza=bench", *places, *options, name]
