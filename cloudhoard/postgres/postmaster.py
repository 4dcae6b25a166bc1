"""Proof that a server runs on a data directory of this machine: postmaster.pid."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cloudhoard.errors import InvalidFormat
from cloudhoard.postgres.errors import NotThisCluster

_START_LAG: Final = timedelta(minutes=2)
"""postmaster.pid has the moment the process began, pg_postmaster_start_time() a later
one: recovery of huge pages and shared memory lies between."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What a running server wrote down about itself in its data directory."""

    pid: int
    data_directory: Path
    started_at: datetime
    """Whole seconds, UTC."""
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read postmaster.pid (``src/include/utils/pidfile.h``).

        Raises:
            InvalidFormat: the lines are not those, or are not all written yet.
        """
        lines = text.splitlines()
        try:
            return cls(
                pid=abs(int(lines[0])),
                data_directory=Path(lines[1]),
                started_at=datetime.fromtimestamp(int(lines[2]), tz=UTC),
                port=int(lines[3]),
            )
        except (IndexError, ValueError, OverflowError, OSError) as error:
            raise InvalidFormat("postmaster.pid is not what a server writes") from error


def check_postmaster(
    data_directory: Path, *, started_at: datetime, port: int
) -> Postmaster:
    """Return the postmaster of data_directory if it is the server that we talk to.

    started_at and port are the server's own answers.

    Raises:
        NotThisCluster: there is no such directory here, no server runs on it, or
            another one does.
    """
    path = data_directory / "postmaster.pid"
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise NotThisCluster(
            f"the server's data directory {data_directory} is not on this machine,"
            " or no server runs on it",
            hint="run the backup on the database server itself",
        ) from error
    except OSError as error:
        raise NotThisCluster(
            f"cannot read {path}: {error.strerror}",
            hint="run the backup as the user that PostgreSQL runs as",
        ) from error
    postmaster = Postmaster.parse(text)
    _check_same(postmaster, started_at=started_at, port=port, path=path)
    if not _is_same_directory(postmaster.data_directory, data_directory):
        raise NotThisCluster(
            f"{path} is of a server on {postmaster.data_directory}",
            hint="a data directory was copied with its postmaster.pid",
        )
    return postmaster


def _is_same_directory(one: Path, other: Path) -> bool:
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False


def _check_same(
    postmaster: Postmaster, *, started_at: datetime, port: int, path: Path
) -> None:
    hint = "the connection leads to another server than the one on this machine"
    if postmaster.port != port:
        raise NotThisCluster(
            f"{path} is of a server on port {postmaster.port},"
            f" we are connected to one on port {port}",
            hint=hint,
        )
    lag = started_at - postmaster.started_at
    # The file has whole seconds, cut off.
    if not timedelta(seconds=-1) <= lag <= _START_LAG:
        raise NotThisCluster(
            f"{path} is of a server started at {postmaster.started_at:%F %T %Z}, we are"
            f" connected to one started at {started_at.astimezone(UTC):%F %T %Z}",
            hint=hint,
        )
