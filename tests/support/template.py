"""Fresh data directories, made by initdb once and copied from then on."""

import fcntl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.os_user import OsUser
from tests.support.programs import PostgresPrograms, find_postgres


@dataclass(frozen=True, slots=True)
class DataDirectoryMaker:
    """Makes data directories with one installation, for one user."""

    programs: PostgresPrograms
    os_user: OsUser
    templates: Path | None = None
    """Shared by the workers of one test run; the user may enter it."""

    @classmethod
    def found(cls) -> Self:
        """Return a maker with what this machine has, which keeps no templates."""
        programs, os_user = find_postgres(), OsUser.of_tests()
        assert programs is not None, "no PostgreSQL server found"
        assert os_user is not None, "root needs an unprivileged user"
        return cls(programs, os_user)

    def make(
        self,
        target: Path,
        *,
        segment_size: int | None = None,
        checksums: bool = True,
        own_identifier: bool = False,
    ) -> None:
        """Fill target, which is not there yet.

        Copies have the system identifier in common: clusters that must be strangers
        to each other are made with own_identifier.
        """
        if own_identifier or self.templates is None:
            self._initdb(target, segment_size, checksums=checksums)
            return
        size = segment_size or "default"
        name = f"{self.programs.version}-{size}-{'on' if checksums else 'off'}"
        template = self.templates / name
        with (self.templates / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (template / "global" / "pg_control").exists():
                self._initdb(template, segment_size, checksums=checksums)
        self._run(["cp", "-a", "--reflink=auto", str(template), str(target)])

    def _initdb(
        self, target: Path, segment_size: int | None, *, checksums: bool
    ) -> None:
        argv = [self.programs.path("initdb"), "--pgdata", str(target)]
        argv += ["--username=postgres", "--auth=trust", "--encoding=UTF8"]
        argv += ["--no-locale", "--no-sync"]
        if segment_size is not None:
            argv.append(f"--wal-segsize={segment_size >> 20}")
        if checksums:
            argv.append("--data-checksums")
        elif self.programs.major >= 18:  # on unless told otherwise, from 18
            argv.append("--no-data-checksums")
        self._run(argv)

    def _run(self, argv: list[str]) -> None:
        answer = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=self.os_user.environment(),
            **self.os_user.identity(),
        )
        assert answer.returncode == 0, f"{argv}: {answer.stdout}{answer.stderr}"
