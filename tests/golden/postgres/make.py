"""Make the golden files of one PostgreSQL version: ``make.py BIN_DIRECTORY``.

Run as an unprivileged user that may write here.  A cluster is promoted twice, the
first time inside a segment at the end of its WAL, the second time at a restore point;
what it then holds is copied, of segments only the start.  pg_controldata's word
on the control files is kept beside them (13 to 16 share a format: where a version
comes without the program, the one on PATH may be of any of these).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2

HERE = Path(__file__).resolve().parent
KEPT = 512  # of each WAL file; its first header has 40 bytes
RESTORE_POINT = "Änderung # 1"


class Lab:
    """A cluster that is started and stopped, and its archive."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self.binaries, self.directory = binaries, directory
        self.data, self.archive = directory / "data", directory / "archive"
        self.archive.mkdir()
        self.call("initdb", "-D", self.data, "-N", "-A", "trust", "-U", "postgres")
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = ''\nunix_socket_directories = '{directory}'\n"
                "archive_mode = on\nwal_level = replica\nhot_standby = on\n"
                f"archive_command = 'cp %p {self.archive}/%f'\n"
                f"restore_command = 'cp {self.archive}/%f %p'\n"
                "recovery_target_timeline = 'current'\n"
            )

    def call(self, program: str, *arguments: Path | str) -> None:
        subprocess.run(
            [self.binaries / program, *arguments], check=True, stdout=subprocess.DEVNULL
        )

    @contextmanager
    def running(self, *settings: str) -> Iterator["Lab"]:
        options = " ".join(f"-c {setting}" for setting in settings)
        control = ("-D", self.data, "-w", "-l", self.directory / "log")
        self.call("pg_ctl", "start", *control, "-o", options)
        yield self
        self.call("pg_ctl", "stop", *control, "-m", "fast")

    def promote(self) -> None:
        self.call("pg_ctl", "promote", "-w", "-D", self.data)

    def sql(self, *statements: str) -> None:
        connection = psycopg2.connect(f"host={self.directory} user=postgres")
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
        connection.close()

    def keep_control(self, golden: Path, suffix: str) -> None:
        shutil.copyfile(
            self.data / "global" / "pg_control", golden / f"pg_control{suffix}"
        )
        own = self.binaries / "pg_controldata"
        report = subprocess.run(
            [own if own.exists() else "pg_controldata", "-D", self.data],
            check=True,
            stdout=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )
        (golden / f"pg_controldata{suffix}.txt").write_bytes(report.stdout)


def promote_twice(lab: Lab, golden: Path) -> None:
    """Timeline 1 to 2 at the end of WAL, 2 to 3 at a restore point."""
    with lab.running():
        lab.sql("CREATE TABLE t AS SELECT 1", "SELECT pg_switch_wal()", "CHECKPOINT")
    (lab.data / "standby.signal").touch()
    with lab.running():
        pass
    lab.keep_control(golden, ".standby")
    with lab.running():
        lab.promote()
        lab.sql("CHECKPOINT")
    before = lab.directory / "before"
    shutil.copytree(lab.data, before)
    with lab.running():
        lab.sql(
            f"SELECT pg_create_restore_point('{RESTORE_POINT}')",
            "DROP TABLE t",
            "SELECT pg_switch_wal()",
        )
    shutil.rmtree(lab.data)
    before.rename(lab.data)
    (lab.data / "recovery.signal").touch()
    with lab.running(f"recovery_target_name='{RESTORE_POINT}'"):
        lab.promote()
        lab.sql("CHECKPOINT", "SELECT pg_switch_wal()")


def main() -> None:
    binaries = Path(sys.argv[1])
    version = subprocess.check_output([binaries / "postgres", "--version"], text=True)
    golden = HERE / version.split()[2].partition(".")[0]
    shutil.rmtree(golden, ignore_errors=True)
    golden.mkdir()
    with TemporaryDirectory() as directory:
        lab = Lab(binaries, Path(directory))
        lab.keep_control(golden, "")
        promote_twice(lab, golden)
        for file in lab.archive.iterdir():
            keep = file.read_bytes()[:KEPT]
            (golden / file.name).write_bytes(keep)


if __name__ == "__main__":
    main()
