"""A real PostgreSQL cluster for tests: unprivileged, throw-away, on a Unix socket."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

import psycopg2

from tests.support.os_user import OsUser
from tests.support.processes import children, kill_all, wait_until
from tests.support.programs import PostgresPrograms, command_path
from tests.support.template import DataDirectoryMaker

__all__ = ["Cluster", "ServerEnded", "command_path"]

_STOP_SIGNALS: Final = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
_DEFAULTS: Final = {
    "listen_addresses": "",
    "wal_level": "replica",
    "max_wal_senders": "10",
    "shared_buffers": "16MB",
    "fsync": "off",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
}
_STATUS_LINE: Final = 7  # of postmaster.pid, counted from 0


class ServerEnded(AssertionError):
    """The server went down where it should have come up; holds its log."""


class Cluster:
    """A data directory and its server, which this process starts as a child.

    It listens on a socket in a directory of its own, so the port need not be unique.
    """

    port: Final = 5432

    def __init__(
        self,
        directory: Path,
        programs: PostgresPrograms,
        os_user: OsUser,
        data_directory: Path | None = None,
    ) -> None:
        """Take charge of data_directory, which may be one that was restored.

        directory, the test user's own, takes the log and the socket.
        """
        self.directory = directory
        self.data_directory = data_directory or directory / "data"
        self.socket_directory = directory / "s"
        self.programs = programs
        self.os_user = os_user
        self._log = directory / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        for made in (directory, self.socket_directory):
            if not made.exists():
                made.mkdir()
                os_user.give(made)

    @classmethod
    def create(
        cls,
        directory: Path,
        maker: DataDirectoryMaker | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        segment_size: int | None = None,
        checksums: bool = True,
        own_identifier: bool = False,
    ) -> Self:
        """Make a new cluster in directory; not started yet.

        Without a maker initdb is run, with the programs that are found first.
        """
        maker = maker or DataDirectoryMaker.found()
        cluster = cls(directory, maker.programs, maker.os_user)
        maker.make(
            cluster.data_directory,
            segment_size=segment_size,
            checksums=checksums,
            own_identifier=own_identifier,
        )
        cluster.configure(_DEFAULTS | dict(settings or {}))
        return cluster

    def moved_to(self, data_directory: Path) -> Self:
        """Return the same installation and user with another data directory.

        It shares this one's directory: only one of the two may run.
        """
        kind = type(self)
        return kind(self.directory, self.programs, self.os_user, data_directory)

    @property
    def user(self) -> str:
        """The name of the operating system's user that the server runs as."""
        return self.os_user.name

    @property
    def bin_directory(self) -> Path:
        """Where PostgreSQL's programs are."""
        return self.programs.directory

    @property
    def conninfo(self) -> str:
        """How libpq reaches the server, as the superuser."""
        where = f"host={self.socket_directory} port={self.port}"
        return f"{where} user=postgres dbname=postgres"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of what is run beside the server: libpq finds it."""
        return self.os_user.environment(
            {
                "PGHOST": str(self.socket_directory),
                "PGPORT": str(self.port),
                "PGUSER": "postgres",
                "PGDATABASE": "postgres",
                "PGDATA": str(self.data_directory),
                "PATH": f"{self.programs.directory}:{os.environ['PATH']}",
            }
        )

    @property
    def pid(self) -> int:
        """The postmaster."""
        assert self._server is not None, "the server was not started"
        return self._server.pid

    @property
    def is_running(self) -> bool:
        """Whether the server is up, or coming up, or going down."""
        return self._server is not None and self._server.poll() is None

    def start(self, *, wait: bool = True, timeout: float = 60) -> None:
        """Start the server and, unless told otherwise, wait until it is up.

        Raises:
            ServerEnded: it went down again; the message holds its log.
        """
        assert not self.is_running, "the server runs already"
        argv = [self.programs.path("postgres"), "-D", str(self.data_directory)]
        argv += ["-c", f"unix_socket_directories={self.socket_directory}"]
        argv += ["-c", f"port={self.port}"]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data_directory,
                env=self.environment,
                start_new_session=True,
                **self.os_user.identity(),
            )
        if wait:
            self.wait_until_up(timeout)

    def wait_until_up(self, timeout: float = 60) -> None:
        """Return once the server takes connections, or stands by without taking any."""
        deadline = time.monotonic() + timeout
        while self._status() not in {"ready", "standby"}:
            if not self.is_running:
                raise ServerEnded(self.server_log())
            assert time.monotonic() < deadline, self.server_log()
            time.sleep(0.02)

    def wait_until_ended(self, timeout: float = 60) -> int:
        """Return the exit code of a server that goes down by itself."""
        assert self._server is not None, "the server was not started"
        try:
            return self._server.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still up:\n{self.server_log()}") from None

    def stop(
        self,
        mode: Literal["smart", "fast", "immediate"] = "fast",
        timeout: float = 60,
    ) -> None:
        """Shut the server down and wait for it; nothing when it is not running."""
        if self._server is None:
            return
        if self.is_running:
            self._server.send_signal(_STOP_SIGNALS[mode])
        self.wait_until_ended(timeout)

    def kill(self) -> None:
        """End the server and all its processes by SIGKILL, as a crash does."""
        assert self._server is not None, "the server was not started"
        others = children(self._server.pid)
        self._server.kill()
        self._server.wait()
        kill_all(others)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Append settings to postgresql.conf; a running server reads them again.

        Those that need a restart take effect at the next start.
        """
        lines = [f"{name} = '{_quoted(value)}'\n" for name, value in settings.items()]
        with (self.data_directory / "postgresql.conf").open("a") as file:
            file.writelines(lines)
        if self.is_running:
            before = self.sql("select pg_conf_load_time()")
            self.sql("select pg_reload_conf()")
            wait_until(
                lambda: self.sql("select pg_conf_load_time()") != before,
                "the settings are read again",
            )

    def sql(self, text: str, *, database: str = "postgres") -> list[tuple[str, ...]]:
        """Return the rows that text gives, each value as psql prints it."""
        connection = psycopg2.connect(self.conninfo, dbname=database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text)
                rows = cursor.fetchall() if cursor.description else []
                return [tuple(map(_as_psql, row)) for row in rows]
        finally:
            connection.close()

    def execute(self, text: str, *, database: str = "postgres") -> None:
        """Run one statement, or several in one transaction, for their effect."""
        self.sql(text, database=database)

    def value(self, text: str, *, database: str = "postgres") -> str:
        """Return the one value that text gives."""
        ((value,),) = self.sql(text, database=database)
        return value

    def wait_for(self, text: str, expected: str, timeout: float = 30) -> None:
        """Return once the one value that text gives is expected."""
        deadline = time.monotonic() + timeout
        while (value := self.value(text)) != expected:
            assert time.monotonic() < deadline, (
                f"{text}: {value!r}, not {expected!r}, after {timeout} s\n"
                f"{self.server_log()}"
            )
            time.sleep(0.05)

    def switch_wal(self) -> str:
        """End the current WAL segment and return its name."""
        self.execute("create table if not exists switch_wal_makes_wal ()")
        self.execute("drop table switch_wal_makes_wal")
        return self.value("select pg_walfile_name(pg_switch_wal())")

    def wait_until_archived(self, segment: str, timeout: float = 60) -> None:
        """Return once the archiver is done with segment."""
        done = self.data_directory / "pg_wal" / "archive_status" / f"{segment}.done"
        gone = self.data_directory / "pg_wal" / segment
        deadline = time.monotonic() + timeout
        while not done.exists() and gone.exists():
            assert time.monotonic() < deadline, (
                f"{segment} is not archived\n{self.server_log()}"
            )
            time.sleep(0.02)

    def promote(self, timeout: float = 60) -> None:
        """Make a standby, or a paused recovery, a primary and wait for it."""
        self.execute("select pg_promote(false)")
        self.wait_for("select pg_is_in_recovery()", "f", timeout)

    def server_log(self) -> str:
        """Return all that the server has logged, with what its commands printed."""
        if not self._log.exists():
            return ""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 120,
        check: bool = True,
        **options: Any,  # what else subprocess.run takes
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the server's user, in its data directory, to the end.

        It has to succeed, unless check is False.
        """
        options = {"capture_output": True, "text": True} | options
        completed: subprocess.CompletedProcess[str] = subprocess.run(
            list(argv),
            env=self.environment | dict(env or {}),
            cwd=cwd or self.data_directory,
            timeout=timeout,
            check=False,
            **self.os_user.identity(),
            **options,
        )
        assert not check or completed.returncode == 0, (
            f"{shlex.join(completed.args)} exited {completed.returncode}:\n"
            f"{completed.stdout}{completed.stderr}"
        )
        return completed

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        **options: Any,  # what else Popen takes
    ) -> subprocess.Popen[str]:
        """Start a program as run does; it is the caller's to end and wait for."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process: subprocess.Popen[str] = subprocess.Popen(
            list(argv),
            env=self.environment | dict(env or {}),
            cwd=cwd or self.data_directory,
            **self.os_user.identity(),
            **(pipes | options),
        )
        return process

    def _status(self) -> str:
        try:
            text = (self.data_directory / "postmaster.pid").read_text()
        except FileNotFoundError:
            return ""
        lines = text.splitlines()
        if len(lines) <= _STATUS_LINE or lines[0].strip() != str(self.pid):
            return ""
        return lines[_STATUS_LINE].strip()


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")


def _as_psql(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
