"""The operating system's user that PostgreSQL and our commands run as in tests.

PostgreSQL refuses to run as root, so root drops to an unprivileged user.
"""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypedDict


class Identity(TypedDict, total=False):
    """What subprocess takes to start a process as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class OsUser:
    """A user that processes are started as and files are given to."""

    name: str
    uid: int
    gid: int
    home: str

    @classmethod
    def of_tests(cls) -> Self | None:
        """Return ourselves, or as root the test user; None where root has none."""
        name = os.environ.get("CLOUDHOARD_TEST_USER", "pgtest")
        try:
            entry = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam(name)
        except KeyError:
            return None
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)

    @property
    def is_ourselves(self) -> bool:
        return self.uid == os.getuid()

    def identity(self) -> Identity:
        """Return arguments for subprocess.run and Popen."""
        if self.is_ourselves:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return a plain environment: nothing of PG*, messages in English."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        own = {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}
        return kept | own | {"LC_ALL": "C.UTF-8"} | dict(extra or {})

    def give(self, path: Path) -> Path:
        """Make path, and what it holds, this user's own; return it."""
        if not self.is_ourselves:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
            if path.is_dir() and not path.is_symlink():
                for inner in path.iterdir():
                    self.give(inner)
        return path
