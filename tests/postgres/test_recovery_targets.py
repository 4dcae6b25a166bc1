"""Every kind of recovery target on a real server, from one archive, to the row.

Two backups, A with no row and B with four of the five. The rows come one after the
other, but for one whose transaction began before that of row 3 and ended after it:
1, 2, a restore point, 3, LATE, B, 4.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg2
import pytest

from cloudhoard.domain.lsn import Lsn
from tests.support.archived_site import Site
from tests.support.wal_shipping import MIB
from tests.support.workplace import Workplace

pytestmark = pytest.mark.postgres

POINT: Final = "it's \\half"
LATE: Final = 30
BEFORE_B: Final = [1, 2, 3, LATE]
_LARGEST_COMMIT_RECORD: Final = 80
_LSN: Final = "SELECT pg_current_wal_insert_lsn()"


@dataclass
class Written:
    """What the operator could know of it, by the number of the row."""

    site: Site
    backups: dict[str, str] = field(default_factory=dict)
    xids: dict[int, int] = field(default_factory=dict)
    times: dict[int, str] = field(default_factory=dict)
    """When it was committed, exactly."""
    commit_lsn: str = ""
    """Where the commit record of row 3 begins."""

    @property
    def stop_b(self) -> str:
        """Where backup B ended."""
        return self.site.stop_position(self.backups["B"])


class Writer:
    """A session that commits rows."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self._connection = psycopg2.connect(written.site.cluster.conninfo)

    def value(self, sql: str) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            ((value,),) = cursor.fetchall()
            return value

    def close(self) -> None:
        self._connection.close()

    def insert(self, row: int) -> None:
        """Begin to write a row."""
        sql = f"INSERT INTO rows VALUES ({row}) RETURNING txid_current()"
        self._written.xids[row] = self.value(sql)

    def commit(self, row: int) -> None:
        """Commit it."""
        self._connection.commit()
        xid = self._written.xids[row]
        at = self.value(f"SELECT pg_xact_commit_timestamp('{xid}'::xid)")
        self._written.times[row] = str(at)
        self._connection.commit()

    def commit_alone(self, row: int) -> Lsn:
        """Write and commit a row, and return where the commit record begins.

        The server's own processes may write a record right before it: once more then.
        """
        while True:
            self.insert(row)
            begin = Lsn.parse(self.value(_LSN))
            self._connection.commit()
            if Lsn.parse(self.value(_LSN)) - begin <= _LARGEST_COMMIT_RECORD:
                self.commit(row)
                return begin
            self.value(f"DELETE FROM rows WHERE n = {row} RETURNING n")
            self._connection.commit()


@contextmanager
def writer(written: Written) -> Iterator[Writer]:
    session = Writer(written)
    try:
        yield session
    finally:
        session.close()


@pytest.fixture(scope="module")
def written(module_workplace: Workplace) -> Written:
    settings = {
        "archive_mode": "on",
        "archive_command": "",
        "autovacuum": "off",
        "track_commit_timestamp": "on",
    }
    # With checksums, reading may write WAL.
    cluster = module_workplace.make(
        settings=settings, segment_size=MIB, checksums=False
    )
    if cluster.programs.major < 16:  # it would end each pause
        cluster.configure({"promote_trigger_file": "trigger"})
        cluster.run(["touch", "trigger"])
    cluster.start()
    site = Site(cluster, module_workplace.directory, module_workplace.adopt)
    site.archive_here()
    cluster.execute("CREATE TABLE rows (n int)")
    written = Written(site)
    with writer(written) as one, writer(written) as other:
        written.backups["A"] = site.back_up()
        for row in (1, 2):
            one.insert(row)
            one.commit(row)
        quoted = POINT.replace("'", "''")
        cluster.value(f"SELECT pg_create_restore_point('{quoted}')")
        other.insert(LATE)
        written.commit_lsn = str(one.commit_alone(3))
        other.commit(LATE)
        written.backups["B"] = site.back_up()
        one.insert(4)
        one.commit(4)
    site.archived()
    cluster.stop()
    assert written.xids[LATE] < written.xids[3]
    assert written.times[3] < written.times[LATE]
    return written


def check(
    written: Written, workplace: Workplace, options: list[str], backup: str, chosen: str
) -> list[int]:
    """Restore to a target, and return the rows that are there when it is reached."""
    target = workplace.directory / "restored"
    named = written.backups.get(backup, backup)
    done = written.site.restore(target, *options, backup=named)
    assert f"backup {written.backups[chosen]} restored" in done.stdout
    restored = workplace.adopt("restored", target)
    restored.start()
    restored.wait_for("SELECT pg_is_wal_replay_paused()", "t", 60)
    rows = restored.sql("SELECT n FROM rows ORDER BY n")
    return [int(n) for (n,) in rows]


@pytest.mark.parametrize(
    ("exclusive", "row", "chosen", "rows"),
    [
        ([], 3, "A", [1, 2, 3]),
        (["--target-exclusive"], 3, "A", [1, 2]),
        ([], 4, "B", [*BEFORE_B, 4]),
    ],
)
def test_time(
    written: Written,
    workplace: Workplace,
    exclusive: list[str],
    row: int,
    chosen: str,
    rows: list[int],
) -> None:
    options = ["--target-time", written.times[row], *exclusive]

    found = check(written, workplace, options, "auto", chosen)

    assert found == sorted(rows)


@pytest.mark.parametrize(
    ("exclusive", "rows"), [([], [1, 2, 3]), (["--target-exclusive"], [1, 2])]
)
def test_position(
    written: Written, workplace: Workplace, exclusive: list[str], rows: list[int]
) -> None:
    options = ["--target-lsn", written.commit_lsn, *exclusive]

    found = check(written, workplace, options, "auto", "A")

    assert found == rows


@pytest.mark.parametrize("exclusive", [[], ["--target-exclusive"]])
def test_position_where_the_backup_ends(
    written: Written, workplace: Workplace, exclusive: list[str]
) -> None:
    options = ["--target-lsn", written.stop_b, *exclusive]

    found = check(written, workplace, options, "auto", "B")

    assert found == sorted(BEFORE_B)


@pytest.mark.parametrize(
    ("exclusive", "row", "epoch", "rows"),
    [
        ([], 3, 0, [1, 2, 3]),
        (["--target-exclusive"], 3, 0, [1, 2]),
        # An older number, and a later end.
        ([], LATE, 7, BEFORE_B),
    ],
)
def test_transaction(
    written: Written,
    workplace: Workplace,
    exclusive: list[str],
    row: int,
    epoch: int,
    rows: list[int],
) -> None:
    options = ["--target-xid", str(epoch << 32 | written.xids[row]), *exclusive]

    found = check(written, workplace, options, "A", "A")

    assert found == sorted(rows)


@pytest.mark.parametrize(
    ("backup", "chosen", "rows"), [("A", "A", []), ("auto", "B", BEFORE_B)]
)
def test_end_of_the_backup(
    written: Written, workplace: Workplace, backup: str, chosen: str, rows: list[int]
) -> None:
    found = check(written, workplace, ["--target-immediate"], backup, chosen)

    assert found == sorted(rows)


def test_restore_point_then_shutdown_then_promotion(
    written: Written, workplace: Workplace
) -> None:
    target = workplace.directory / "restored"
    named = ("--target-name", POINT, "--archive-mode", "off")
    written.site.restore(
        target, *named, "--target-action", "shutdown", backup=written.backups["A"]
    )
    restored = workplace.adopt("restored", target)
    restored.start(wait=False)
    assert restored.wait_until_ended() == 0
    assert (target / "recovery.signal").exists()

    ended = workplace.directory / "it's 100% over"
    command = f'touch "{str(ended).replace("%", "%%")}"'
    options = ("--target-action", "promote", "--recovery-end-command", command)
    written.site.restore(
        target, *named, *options, "--overwrite", backup=written.backups["A"]
    )
    restored.start()
    restored.wait_for("SELECT pg_is_in_recovery()", "f", 60)
    assert restored.sql("SELECT n FROM rows ORDER BY n") == [("1",), ("2",)]
    assert ended.exists()


def test_transaction_before_the_backup_does_not_open_the_database(
    written: Written, workplace: Workplace
) -> None:
    target = workplace.directory / "restored"
    options = ("--target-xid", str(written.xids[1]), "--target-action", "promote")
    written.site.restore(target, *options, backup=written.backups["B"])

    restored = workplace.adopt("restored", target)
    restored.start(wait=False)

    assert restored.wait_until_ended() != 0
    log = restored.server_log()
    assert "recovery ended before configured recovery target was reached" in log
    assert (target / "recovery.signal").exists()
