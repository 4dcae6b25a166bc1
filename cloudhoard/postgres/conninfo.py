"""Connection strings that are to stand in a server's settings."""

from typing import Final

import psycopg2
from psycopg2.extensions import parse_dsn

from cloudhoard.errors import UsageError

_SECRETS: Final = (
    "password",
    "sslpassword",
    "scram_client_key",
    "scram_server_key",
    "oauth_client_secret",
)


def check_conninfo(text: str, option: str) -> None:
    """Refuse what libpq would, and what holds a secret; no connection is made.

    Raises:
        UsageError: text is no connection string, or empty, or not fit to be seen by
            everybody on this host, as an argument is. It is not repeated.
    """
    try:
        given = parse_dsn(text)
    except psycopg2.Error:
        # Not chained, not quoted: the string may hold a password.
        given = {}
    if not given:
        raise UsageError(
            f"{option} is not a connection string that libpq understands",
            hint="write it as 'host=primary port=5432 user=replicator', or as a"
            " postgresql:// URI",
        )
    for name in _SECRETS:
        if name in given:
            raise UsageError(
                f"{option} holds {name}, which everybody on this host can see now",
                hint="put it into ~/.pgpass of the server's user, or a file that"
                " passfile=... names, and change it",
            )
