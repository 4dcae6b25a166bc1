import socket
import threading
import time

import pytest

from cloudhoard.errors import UsageError
from cloudhoard.postgres import connection, wait
from cloudhoard.postgres.connection import ConnectionSettings, connected
from cloudhoard.postgres.errors import CannotConnect


@pytest.mark.parametrize(
    ("settings", "conninfo"),
    [
        (ConnectionSettings(), "dbname=postgres"),
        (ConnectionSettings(database="app"), "dbname=app"),
        (
            ConnectionSettings(host="/run", port="5433", user="me", database="app"),
            "host=/run port=5433 user=me dbname=app",
        ),
        (
            ConnectionSettings(host="ignored", database="host=db port=1"),
            "host=db port=1",
        ),
        (ConnectionSettings(host="ignored", database=""), ""),
        (
            ConnectionSettings(user="ignored", database="postgresql://db/app"),
            "postgresql://db/app",
        ),
        (ConnectionSettings(user="o'neil"), r"user=o\'neil dbname=postgres"),
    ],
)
def test_options_become_a_connection_string(
    settings: ConnectionSettings, conninfo: str
) -> None:
    assert set(settings.conninfo.split(" ")) == set(conninfo.split(" "))


def test_string_that_is_none_is_refused_without_repeating_it() -> None:
    settings = ConnectionSettings(database="passwort=geheim")

    with (
        pytest.raises(UsageError) as caught,
        connected(settings, application_name="test"),
    ):
        pass

    assert "geheim" not in caught.value.message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_server_that_is_not_there_is_said_with_its_address() -> None:
    settings = ConnectionSettings(host="/nonexistent", database="postgres")

    with (
        pytest.raises(CannotConnect, match="/nonexistent"),
        connected(settings, application_name="test"),
    ):
        pass


def test_server_that_takes_the_connection_and_stays_silent_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings = ConnectionSettings(host="127.0.0.1", port=str(port))
        hurry = threading.Timer(0.5, wait.patience.limit, [0.5])
        hurry.start()
        began = time.monotonic()

        with (
            pytest.raises(CannotConnect, match="no answer"),
            connected(settings, application_name="test"),
        ):
            pass

        assert time.monotonic() - began < connection._CONNECT_SECONDS / 2
        hurry.join()
