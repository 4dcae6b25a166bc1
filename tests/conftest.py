"""Fixtures that many tests share; a test run leaves nothing behind."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import hypothesis
import pytest

from tests.services.shared import RUN_DIRECTORY, stop_shared_services
from tests.support.cluster import Cluster
from tests.support.directories import base_directory
from tests.support.os_user import OsUser
from tests.support.programs import PostgresPrograms, find_postgres
from tests.support.requirements import missing
from tests.support.template import DataDirectoryMaker
from tests.support.workplace import Workplace, directory_of_this_run

# How fast an example runs says nothing on a busy machine.
# A checkout may belong to somebody else: no database of examples in it.
hypothesis.settings.register_profile("cloudhoard", deadline=None, database=None)
hypothesis.settings.load_profile("cloudhoard")


def pytest_configure(config: pytest.Config) -> None:
    """Make the directory in which everything of this run lies."""
    # What a run in the background ignores, the commands under test would, too.
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    if hasattr(config, "workerinput"):
        return
    directory = Path(tempfile.mkdtemp(prefix="cht-", dir=base_directory()))
    directory.chmod(0o755)
    os.environ[RUN_DIRECTORY] = str(directory)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove it."""
    if not hasattr(config, "workerinput") and RUN_DIRECTORY in os.environ:
        stop_shared_services()
        shutil.rmtree(os.environ.pop(RUN_DIRECTORY), ignore_errors=True)


def pytest_report_header() -> list[str]:
    """Say what the tests run against."""
    postgres, user = find_postgres(), OsUser.of_tests()
    found = f"{postgres.version} in {postgres.directory}" if postgres else "none found"
    return [f"postgresql: {found}, as {user.name if user else 'nobody: no such user'}"]


@pytest.fixture(scope="session")
def os_user() -> OsUser:
    """The unprivileged user; ourselves unless we are root."""
    user = OsUser.of_tests()
    if user is None:
        missing("postgres", "root needs an unprivileged user: useradd pgtest")
    return user


@pytest.fixture(scope="session")
def postgres_programs() -> PostgresPrograms:
    """PostgreSQL's programs; without them the test is skipped."""
    programs = find_postgres()
    if programs is None:
        missing("postgres", "no PostgreSQL server found: set CLOUDHOARD_TEST_PG_BIN")
    return programs


@pytest.fixture
def work_directory(os_user: OsUser) -> Iterator[Path]:
    """An empty directory with a short path, owned by the test user."""
    with directory_of_this_run(os_user) as directory:
        yield directory


@pytest.fixture(scope="session")
def data_directory_maker(
    postgres_programs: PostgresPrograms, os_user: OsUser
) -> DataDirectoryMaker:
    """initdb, done once for all workers."""
    templates = Path(os.environ[RUN_DIRECTORY]) / "templates"
    templates.mkdir(exist_ok=True)
    return DataDirectoryMaker(postgres_programs, os_user, os_user.give(templates))


class MakeCluster(Protocol):
    """Makes a cluster that is stopped when the test ends."""

    def __call__(
        self,
        name: str = ...,
        *,
        settings: Mapping[str, str] | None = ...,
        segment_size: int | None = ...,
        checksums: bool = ...,
        own_identifier: bool = ...,
    ) -> Cluster:
        """Make a new cluster in ``work_directory/name``; not started."""


@pytest.fixture
def workplace(
    work_directory: Path, data_directory_maker: DataDirectoryMaker, os_user: OsUser
) -> Iterator[Workplace]:
    """Work_directory, with clusters that are stopped when the test ends."""
    with Workplace(work_directory, data_directory_maker, os_user) as place:
        yield place


@pytest.fixture(scope="module")
def module_workplace(
    data_directory_maker: DataDirectoryMaker, os_user: OsUser
) -> Iterator[Workplace]:
    """A workplace that all tests of a module share."""
    with (
        directory_of_this_run(os_user) as directory,
        Workplace(directory, data_directory_maker, os_user) as place,
    ):
        yield place


@pytest.fixture
def make_cluster(workplace: Workplace) -> MakeCluster:
    """Make clusters as Cluster.create does, as many as the test wants."""
    return workplace.make


@pytest.fixture
def adopt_cluster(workplace: Workplace) -> Callable[[str, Path], Cluster]:
    """Take charge of a data directory that is there: (name, data_directory)."""
    return workplace.adopt


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """A running primary with archive_mode on; give it an archive_command."""
    primary = make_cluster(settings={"archive_mode": "on", "archive_command": ""})
    primary.start()
    return primary


@pytest.fixture
def free_port() -> int:
    """A TCP port of this host that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
