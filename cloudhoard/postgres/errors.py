"""What goes wrong between us and a PostgreSQL server or its files."""

from cloudhoard.errors import OperationFailed


class PostgresError(OperationFailed):
    """The server refused what was asked, or the connection to it broke."""


class CannotConnect(PostgresError):
    """There is no connection to the server."""


class NotThisCluster(OperationFailed):
    """The server we talk to does not run on the data directory we would read."""


class UnreadableFile(OperationFailed):
    """A file of the data directory is there and cannot be read."""
