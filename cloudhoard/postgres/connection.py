"""A session at a PostgreSQL server, with libpq's rules and our errors."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812 - it is a class
from psycopg2.extensions import make_dsn

from cloudhoard.errors import UsageError
from cloudhoard.postgres import wait
from cloudhoard.postgres.errors import CannotConnect, PostgresError

_CONNECT_SECONDS: Final = 60.0
_CANCEL_SECONDS: Final = 5.0

_SESSION_SETTINGS: Final = (
    ("search_path", "pg_catalog", 0),
    ("client_min_messages", "error", 0),
    # These would end a long backup.
    ("statement_timeout", "0", 0),
    ("lock_timeout", "0", 0),
    ("idle_in_transaction_session_timeout", "0", 0),
    ("idle_session_timeout", "0", 140_000),
    ("transaction_timeout", "0", 170_000),
    # And this ends one whose client was killed while it waits for a checkpoint.
    ("client_connection_check_interval", "5s", 140_000),
)
"""Name, value, and the version that brought it."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Where the server is; None leaves it to libpq and its PG* variables."""

    host: str | None = None
    port: str | None = None
    user: str | None = None
    database: str | None = None
    """A database's name, or a whole connection string, which then stands alone."""

    @property
    def conninfo(self) -> str:
        """The connection string for libpq; it may hold a password."""
        database = "postgres" if self.database is None else self.database
        if not database or "=" in database or database.startswith(_URI_SCHEMES):
            return database
        given = {"host": self.host, "port": self.port, "user": self.user}
        return make_dsn(
            dbname=database, **{key: value for key, value in given.items() if value}
        )


_URI_SCHEMES: Final = ("postgresql://", "postgres://")


class Session:
    """One connection in autocommit mode.

    A signal's exception ends any call at once; the session is of no use afterwards.
    """

    def __init__(self, connection: Connection, conninfo: str) -> None:
        self._connection = connection
        self._conninfo = conninfo
        self._backend = connection.get_backend_pid()

    @property
    def server_version(self) -> int:
        """As server_version_num: 150004."""
        return self._connection.server_version

    def row(self, sql: str, parameters: Sequence[object] = ()) -> tuple[Any, ...]:
        """Return the one row of a query.

        Raises:
            PostgresError: the server refused, or the connection is gone.
        """
        (only,) = self.rows(sql, parameters)
        return only

    def rows(
        self, sql: str, parameters: Sequence[object] = ()
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query; raises as row."""
        with self._guarded(), self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def execute(self, sql: str) -> None:
        """Run a statement that returns nothing; raises as row."""
        with self._guarded(), self._connection.cursor() as cursor:
            cursor.execute(sql)

    def close(self) -> None:
        """End the session; a backup in progress at the server ends with it."""
        self._connection.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except psycopg2.Error as error:
            raise _translated(error) from error
        except BaseException:
            self._cancel()
            raise

    def _cancel(self) -> None:
        """Have the server give up what we no longer wait for; never raises.

        By a second connection: PQcancel blocks, and psycopg2 keeps the GIL meanwhile,
        so that a server that hangs would hang us.
        """
        wait.patience.limit(_CANCEL_SECONDS)
        try:
            with closing(psycopg2.connect(self._conninfo)) as connection:
                cursor = connection.cursor()
                cursor.execute("SELECT pg_cancel_backend(%s)", (self._backend,))
        except (psycopg2.Error, wait.TimedOut):
            return
        finally:
            wait.patience.limit(None)


@contextmanager
def connected(
    settings: ConnectionSettings, *, application_name: str
) -> Iterator[Session]:
    """Connect for the length of a with-block.

    Raises:
        UsageError: the connection string is not one.
        CannotConnect: the server is not there or does not let us in.
    """
    connection = _connect(settings, application_name)
    session = Session(connection, settings.conninfo)
    try:
        _prepare(session)
        yield session
    finally:
        session.close()


def _connect(settings: ConnectionSettings, application_name: str) -> Connection:
    wait.install()
    wait.patience.limit(_CONNECT_SECONDS)
    try:
        connection = psycopg2.connect(
            settings.conninfo, fallback_application_name=application_name
        )
    except psycopg2.ProgrammingError:
        # Not chained, not quoted: the string may hold a password.
        raise UsageError("the connection string of --dbname is not valid") from None
    except psycopg2.Error as error:
        raise CannotConnect(
            f"cannot connect to PostgreSQL: {_first_line(error)}",
            hint="the options -h, -p, -U, -d and the PG* variables say where it is",
        ) from error
    except wait.TimedOut as error:
        raise CannotConnect(
            f"no answer from PostgreSQL within {_CONNECT_SECONDS:.0f} s"
        ) from error
    finally:
        wait.patience.limit(None)
    connection.autocommit = True
    return connection


def _prepare(session: Session) -> None:
    for name, value, since in _SESSION_SETTINGS:
        if session.server_version >= since:
            session.execute(f"SET {name} TO '{value}'")


def _first_line(error: psycopg2.Error) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else "the connection was lost"


def _translated(error: psycopg2.Error) -> PostgresError:
    if isinstance(error, errors.InsufficientPrivilege):
        return PostgresError(
            f"PostgreSQL refused: {_first_line(error)}",
            hint="the role needs pg_read_all_settings and may have to be granted"
            " EXECUTE on the functions that start and stop a backup",
        )
    if error.pgcode is None:  # said by libpq, not by the server
        return PostgresError(f"lost PostgreSQL: {_first_line(error)}")
    return PostgresError(f"PostgreSQL refused: {_first_line(error)}")
