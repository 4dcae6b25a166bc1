"""A cluster with an archive in a directory, and what our commands make of it."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.support.cluster import Cluster
from tests.support.programs import command_path

SERVER: Final = "main"


class Site:
    """A cluster that archives into a directory, and what can be restored of it."""

    def __init__(
        self,
        cluster: Cluster,
        directory: Path,
        adopt: Callable[[str, Path], Cluster],
        archive: str = "archive",
    ) -> None:
        self.cluster = cluster
        self.directory = directory
        self.adopt = adopt
        self.root = directory / archive
        self.url = f"file://{self.root}"
        cluster.run(["mkdir", str(self.root)])

    def archive_here(self, cluster: Cluster | None = None) -> None:
        program = command_path("wal-archive")
        words = [program, f'"{self.url.replace("%", "%%")}"', SERVER, "%p"]
        (cluster or self.cluster).configure({"archive_command": " ".join(words)})

    def back_up(self, cluster: Cluster | None = None) -> str:
        program = command_path("backup")
        argv = [program, "--immediate-checkpoint", self.url, SERVER]
        (cluster or self.cluster).run(argv)
        return max(os.listdir(self.root / SERVER / "base"))  # noqa: PTH208

    def restore(
        self, target: Path, *options: str, backup: str = "auto", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        program = command_path("restore")
        argv = [program, *options, self.url, SERVER, backup, str(target)]
        return self.cluster.run(argv, cwd=self.directory, check=check)

    def started(self, target: Path, name: str = "restored") -> Cluster:
        restored = self.adopt(name, target)
        restored.start()
        restored.wait_for("SELECT pg_is_in_recovery()", "f", 60)
        return restored

    def archived(self, cluster: Cluster | None = None) -> str:
        """Return the last segment once all that was written is in the archive."""
        source = cluster or self.cluster
        segment = source.switch_wal()
        source.wait_until_archived(segment)
        return segment

    def stop_position(self, backup: str) -> str:
        """Return where a backup ended in the WAL."""
        info = self.root / SERVER / "base" / backup / "backup.info"
        match = re.search(r"^end_xlog=(.*)$", info.read_text(), re.MULTILINE)
        assert match is not None
        return match[1]

    def setting(self, data_directory: Path, name: str) -> str:
        postgres = self.cluster.programs.path("postgres")
        argv = [postgres, "-D", str(data_directory), "-C", name]
        output: str = self.cluster.run(argv, cwd=self.directory).stdout
        return output.removesuffix("\n")
