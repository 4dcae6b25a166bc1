"""Single command lines of CloudHoard and of barman-cloud on one bucket."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.services.seaweedfs import WRITER, seaweedfs_endpoint
from tests.support.barman import ENVIRONMENT, barman_directory
from tests.support.programs import command_path
from tests.support.s3_store import Bucket, credentials


@dataclass
class BothTools:
    """Runs command lines of both on a bucket, as ourselves."""

    bucket: Bucket
    barman: Path

    @classmethod
    def found(cls, endpoint: str | None = None) -> Self:
        """Return both with a new bucket, in SeaweedFS if not elsewhere."""
        barman = barman_directory()
        return cls(Bucket(endpoint or seaweedfs_endpoint(), WRITER), barman)

    def run(
        self, tool: str, line: str, directory: Path
    ) -> subprocess.CompletedProcess[str]:
        """Run a command line to its end, whatever that is."""
        name, *words = line.format(
            url=f"s3://{self.bucket.name}/pg", tmp=directory, new=directory / "new"
        ).split()
        theirs = str(self.barman / f"barman-cloud-{name}")
        program = command_path(name) if tool == "ours" else theirs
        reach = ["--endpoint-url", self.bucket.endpoint]
        return subprocess.run(
            [program, *reach, *words],
            env={**os.environ, **credentials(self.bucket.user), **ENVIRONMENT},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
