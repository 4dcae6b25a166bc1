"""Clusters that ship their WAL through an archive with our two commands."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.support.cluster import Cluster
from tests.support.programs import command_path

MIB: Final = 1 << 20
SEGMENT_SIZE: Final = MIB

Adopt = Callable[[str, Path], Cluster]


@dataclass(frozen=True)
class WalShipping:
    """One archive, as server "main", below a directory of the test's own."""

    directory: Path
    adopt: Adopt
    writing: tuple[str, ...] = ()
    """Options for wal-archive."""
    reading: tuple[str, ...] = ()
    """Options for wal-restore."""

    @property
    def root(self) -> Path:
        """The directory of the server's archive."""
        return self.directory / "main"

    @property
    def archive_command(self) -> str:
        return self._command("wal-archive", self.writing, "%p")

    @property
    def restore_command(self) -> str:
        return self._command("wal-restore", self.reading, "%f %p")

    def _command(self, name: str, options: tuple[str, ...], end: str) -> str:
        url = f"file://{self.directory}"
        return f"{shlex.join([command_path(name), *options, url, 'main'])} {end}"

    def unmount(self) -> None:
        """Take the archive away, as if it were not mounted."""
        self.root.rename(self.root.with_name("unmounted"))

    def mount(self) -> None:
        """Bring it back."""
        self.root.with_name("unmounted").rename(self.root)

    def primary(self, make: Callable[..., Cluster], archive_mode: str) -> Cluster:
        """Make and start a cluster with small segments that archives here."""
        settings = {
            "archive_mode": archive_mode,
            "archive_command": self.archive_command,
        }
        cluster = make(settings=settings, segment_size=SEGMENT_SIZE)
        cluster.start()
        cluster.execute("create table rows (n int)")
        return cluster

    def stored(self, name: str) -> list[Path]:
        """The objects that hold the WAL file name, or its partial one."""
        return sorted((self.root / "wals").rglob(f"{name}*"))

    def copy_of(
        self,
        cluster: Cluster,
        name: str,
        signal: Literal["recovery.signal", "standby.signal"],
        settings: Mapping[str, str] | None = None,
    ) -> Cluster:
        """Copy a running cluster, without its WAL; not started.

        It recovers from the archive, and archives nothing unless told to.
        """
        target = cluster.directory.parent / name
        program = cluster.programs.path("pg_basebackup")
        cluster.run(
            [program, "-D", str(target), "-X", "none", "-c", "fast", "--no-sync"]
        )
        copy = self.adopt(name, target)
        (target / signal).touch()
        copy.os_user.give(target / signal)
        copy.configure(
            {"restore_command": self.restore_command, "archive_mode": "off"}
            | dict(settings or {})
        )
        return copy

    def interrupted_at(self, name: str, action: str) -> str:
        """A restore_command that runs a shell command once name is asked for."""
        script = self.directory / "restore-command"
        script.write_text(
            f'#!/bin/sh\nif [ "$1" = {name} ]; then {action}; fi\n'
            f'exec {self._command("wal-restore", self.reading, "")} "$1" "$2"\n'
        )
        script.chmod(0o755)
        return f"{script} %f %p"


def write_row(cluster: Cluster, number: int) -> str:
    """Commit a row and return the segment that holds it, which is archived."""
    cluster.execute(f"insert into rows values ({number})")
    segment = cluster.switch_wal()
    cluster.wait_until_archived(segment)
    return segment


def rows(cluster: Cluster) -> list[int]:
    """The rows that write_row has written, as far as this cluster knows."""
    return [int(n) for (n,) in cluster.sql("select n from rows order by n")]


def waiting_for_archiver(cluster: Cluster) -> list[str]:
    """Names of files that wait to be archived."""
    status = cluster.data_directory / "pg_wal" / "archive_status"
    return sorted(path.stem for path in status.glob("*.ready"))
