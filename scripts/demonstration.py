"""The main job of CloudHoard on a throw-away cluster, step by step; see ``demo``.

Archives, backs up, destroys, restores to a moment, and compares. Needs PostgreSQL's
programs ($PG_BIN) and an installed CloudHoard; runs as an unprivileged user.
"""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import psycopg2

_COMMANDS: Final = Path(sys.executable).parent
_SERVER: Final = "main"
_CONTENT: Final = (
    "select count(*), coalesce(sum(amount), 0),"
    " md5(string_agg(id || ':' || amount, ',' order by id)) from orders"
)
_INSERT: Final = (
    "insert into orders (amount) select (random() * 1000)::int"
    " from generate_series(1, {rows})"
)


class Demonstration:
    """Everything that happens below one directory."""

    def __init__(self, directory: Path, pg_bin: Path) -> None:
        self.directory = directory
        self.pg_bin = pg_bin
        self.data = directory / "cluster"
        self.keys = directory / "keys"
        self.url = f"file://{directory}/archive"
        self._step = 0

    def run(self) -> None:
        """Do it all; raises where anything is not as it should be."""
        print(f"\nDEMO={self.directory}")
        self._create_keys()
        self._create_cluster()
        self._take_backup()
        moment, expected = self._work_and_remember()
        self._make_the_mistake()
        self._lose_the_cluster()
        self._restore(moment)
        self._compare(expected)
        self._go_on()

    def _create_keys(self) -> None:
        self._say("Make keys: the database host needs the public one only")
        key_id, place = ["--key-id", "demo"], ["--output-dir", str(self.keys)]
        self._command("create-keys", *key_id, *place)
        (self.directory / "archive").mkdir()

    def _create_cluster(self) -> None:
        self._say("Make a cluster that archives its WAL, and fill it")
        initdb = ["--username=postgres", "--auth=trust", "--no-sync", "--no-locale"]
        self._postgres("initdb", "-k", "-E", "UTF8", *initdb, "-D", str(self.data))
        archive_command = self._line("wal-archive", *self._writing(), "%p")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "archive_mode": "on",
            "archive_command": archive_command,
            "timezone": "UTC",
        }
        with (self.data / "postgresql.conf").open("a") as file:
            for name, value in settings.items():
                quoted = value.replace("'", "''")
                file.write(f"{name} = '{quoted}'\n")
        self._note(f"archive_command = '{archive_command}'")
        self.start()
        self._sql("create table orders (id serial primary key, amount int not null)")
        self._sql(_INSERT.format(rows=100_000))

    def _take_backup(self) -> None:
        self._say("Take a base backup while the server runs")
        place = ["-h", str(self.directory), "-U", "postgres"]
        options = ["--name", "monday", "--immediate-checkpoint", *place]
        self._command("backup", *options, *self._writing())
        self._command("backup-list", self.url, _SERVER)

    def _work_and_remember(self) -> tuple[str, tuple[object, ...]]:
        self._say("Work goes on; remember this moment and what is in the table")
        self._sql(_INSERT.format(rows=5_000))
        expected = self._sql(_CONTENT)
        (moment,) = self._sql("select clock_timestamp()::text")
        self._note(f"{moment}: {_shown(expected)}")
        time.sleep(0.1)
        return str(moment), expected

    def _make_the_mistake(self) -> None:
        self._say("Somebody makes a mistake")
        for statement in ("delete from orders where id > 10", "vacuum full orders"):
            self._note(statement)
            self._sql(statement)
        self._note(f"left: {_shown(self._sql(_CONTENT))}")
        self._wait_until_archived()

    def _lose_the_cluster(self) -> None:
        self._say("And then the machine dies, and its disk is gone")
        pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        self._show("kill", "-KILL", str(pid))
        doomed = _family(pid)
        os.kill(pid, signal.SIGKILL)
        self._wait(lambda: not any(map(_exists, doomed)), "the server is dead")
        self._show("rm", "-r", str(self.data))
        shutil.rmtree(self.data)

    def _restore(self, moment: str) -> None:
        self._say("Restore to the moment before the mistake")
        keys = ["--private-key", str(self.keys / "demo.private.pem")]
        keys += ["--trusted-signer", str(self.keys / "demo.signing.public.pem")]
        target = ["--target-time", moment, "--target-action", "promote"]
        options = [*target, "--archive-mode", "take-over", *keys]
        self._command("restore", *options, self.url, _SERVER, "auto", str(self.data))
        if (self.pg_bin / "pg_verifybackup").exists():
            self._postgres("pg_verifybackup", "-n", str(self.data), show=True)
        self.start()
        self._wait(
            lambda: self._sql("select pg_is_in_recovery()") == (False,),
            "recovery is over",
        )

    def _compare(self, expected: tuple[object, ...]) -> None:
        self._say("Compare")
        found = self._sql(_CONTENT)
        self._note(f"expected: {_shown(expected)}")
        self._note(f"found:    {_shown(found)}")
        if found != expected:
            self._give_up("the restored table is not what it was")

    def _go_on(self) -> None:
        self._say("The restored cluster goes on archiving, on a timeline of its own")
        segment = self._wait_until_archived()
        self._note(f"{segment} is in the archive")

    def start(self) -> None:
        """Start the server on the data directory."""
        log = str(self.directory / "server.log")
        self._postgres("pg_ctl", "-D", str(self.data), "-l", log, "-w", "start")

    def stop(self) -> None:
        """Stop the server, if it runs."""
        argv = [self._program("pg_ctl"), "-D", str(self.data), "-m", "fast", "stop"]
        subprocess.run(argv, capture_output=True, check=False)

    def _writing(self) -> list[str]:
        public, signing = self.keys / "demo.public.pem", self.keys / "demo.signing.pem"
        keys = ["--public-key", str(public), "--signing-key", str(signing)]
        return [*keys, self.url, _SERVER]

    def _wait_until_archived(self) -> str:
        """End the current segment and return its name once it is in the archive."""
        (segment,) = self._sql("select pg_walfile_name(pg_switch_wal())")
        archived = f"select last_archived_wal >= '{segment}' from pg_stat_archiver"  # noqa: S608
        self._wait(lambda: self._sql(archived) == (True,), f"{segment} is archived")
        return str(segment)

    def _sql(self, text: str) -> tuple[object, ...]:
        """Run one statement and return its first row, if any."""
        connection = psycopg2.connect(
            host=str(self.directory), user="postgres", dbname="postgres"
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(text)
                return (cursor.fetchone() or ()) if cursor.description else ()
        finally:
            connection.close()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            if time.monotonic() > deadline:
                self._give_up(f"waited in vain until {what}")
            time.sleep(0.1)

    def _give_up(self, reason: str) -> NoReturn:
        log = self.directory / "server.log"
        if log.exists():
            print(log.read_text(errors="replace")[-4000:], file=sys.stderr)
        sys.exit(f"demo: error: {reason}")

    def _line(self, name: str, *arguments: str) -> str:
        return shlex.join([str(_COMMANDS / f"cloudhoard-{name}"), *arguments])

    def _command(self, name: str, *arguments: str) -> None:
        """Show and run one of our commands."""
        self._show(f"cloudhoard-{name}", *arguments)
        self._run([str(_COMMANDS / f"cloudhoard-{name}"), *arguments], show=True)

    def _postgres(self, name: str, *arguments: str, show: bool = False) -> None:
        if show:
            self._show(name, *arguments)
        self._run([self._program(name), *arguments], show=show)

    def _run(self, argv: list[str], *, show: bool) -> None:
        # A file, not a pipe: the server would hold a pipe open.
        with tempfile.TemporaryFile("w+", dir=self.directory) as output:
            code = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
            output.seek(0)
            text = output.read()
        if show or code:
            for line in text.splitlines():
                self._note(line)
        if code:
            self._give_up(f"{argv[0]} exited {code}")

    def _program(self, name: str) -> str:
        return str(self.pg_bin / name)

    def _say(self, text: str) -> None:
        self._step += 1
        print(f"\n{self._step}. {text}", flush=True)

    def _note(self, text: str) -> None:
        print(f"    {self._short(text)}", flush=True)

    def _show(self, *argv: str) -> None:
        print(f"  $ {self._short(shlex.join(argv))}", flush=True)

    def _short(self, text: str) -> str:
        return text.replace(str(self.directory), "$DEMO").replace(f"{_COMMANDS}/", "")


def _family(pid: int) -> list[int]:
    """Return a process and its children."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state_and_parent = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if state_and_parent[1] == str(pid):
            found.append(int(stat.parent.name))
    return found


def _exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _shown(row: tuple[object, ...]) -> str:
    count, total, digest = row
    return f"{count} rows, sum {total}, digest {digest}"


def main() -> None:
    """Run the demonstration in a new directory and remove it, unless told to keep."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument(
        "--keep", action="store_true", help="leave the directory behind"
    )
    args = parser.parse_args()
    os.umask(0o077)
    # Short by default, because the path of a socket has 107 characters.
    base = os.environ.get("TMPDIR", "/var/tmp")  # noqa: S108
    directory = Path(tempfile.mkdtemp(prefix="cloudhoard-demo-", dir=base))
    os.chdir(directory)
    demonstration = Demonstration(directory, Path(os.environ["PG_BIN"]))
    begun = time.monotonic()
    try:
        demonstration.run()
        seconds = time.monotonic() - begun
        print(f"\nAll as it was at that moment; {seconds:.0f} seconds.")
    finally:
        demonstration.stop()
        if args.keep:
            print(f"Everything is in {directory}.")
        else:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
