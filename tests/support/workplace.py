"""A directory in which clusters live that are stopped when it is left."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.services.shared import RUN_DIRECTORY
from tests.support.cluster import Cluster
from tests.support.os_user import OsUser
from tests.support.template import DataDirectoryMaker


@contextmanager
def directory_of_this_run(os_user: OsUser) -> Iterator[Path]:
    """Yield an empty directory with a short path, owned by the test user."""
    directory = Path(tempfile.mkdtemp(dir=os.environ[RUN_DIRECTORY]))
    directory.chmod(0o755)
    yield os_user.give(directory)
    shutil.rmtree(directory, ignore_errors=True)


class Workplace:
    """Makes and adopts clusters in a directory; stops them all after its block."""

    def __init__(
        self, directory: Path, maker: DataDirectoryMaker, os_user: OsUser
    ) -> None:
        self.directory = directory
        self._maker = maker
        self._os_user = os_user
        self._clusters: list[Cluster] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for cluster in self._clusters:
            cluster.stop("immediate")

    def make(
        self,
        name: str = "primary",
        *,
        settings: Mapping[str, str] | None = None,
        segment_size: int | None = None,
        checksums: bool = True,
        own_identifier: bool = False,
    ) -> Cluster:
        """Make a cluster as Cluster.create does; not started."""
        cluster = Cluster.create(
            self._new_directory(name),
            self._maker,
            settings=settings,
            segment_size=segment_size,
            checksums=checksums,
            own_identifier=own_identifier,
        )
        self._clusters.append(cluster)
        return cluster

    def adopt(self, name: str, data_directory: Path) -> Cluster:
        """Take charge of a data directory that is there; not started."""
        directory = self._new_directory(f"{name}-run")
        programs = self._maker.programs
        cluster = Cluster(directory, programs, self._os_user, data_directory)
        self._clusters.append(cluster)
        return cluster

    def _new_directory(self, name: str) -> Path:
        directory = self.directory / name
        directory.mkdir()
        return self._os_user.give(directory)
