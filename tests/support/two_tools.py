"""One cluster and one archive in a bucket, used by CloudHoard and by barman-cloud."""

import os
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self

from tests.services.seaweedfs import WRITER, seaweedfs_endpoint
from tests.support.barman import (
    ENVIRONMENT,
    barman_directory,
    newer_barman_directory,
)
from tests.support.cluster import Cluster
from tests.support.programs import command_path
from tests.support.s3_store import Bucket, credentials
from tests.support.workplace import Workplace

SERVER: Final = "main"

Tool = Literal["ours", "theirs"]


@dataclass
class TwoTools:
    """Runs the commands of both as the cluster's user."""

    cluster: Cluster
    bucket: Bucket
    barman: Path
    """Where barman-cloud's commands are."""
    rows: list[int] = field(default_factory=list)
    """What the table t holds."""
    is_for_us_only: bool = False
    """Whether the cluster's user may be unable to run barman-cloud."""

    @classmethod
    def at(cls, workplace: Workplace, *, newer_barman: bool = False) -> Self:
        """Return a running primary with a tablespace; its archive is empty."""
        barman = newer_barman_directory() if newer_barman else barman_directory()
        bucket = Bucket(seaweedfs_endpoint(), WRITER)
        cluster = workplace.make(settings={"archive_mode": "on", "archive_command": ""})
        cluster.start()
        place = cluster.directory / "ts1"
        place.mkdir()
        cluster.os_user.give(place)
        cluster.execute(f"create tablespace ts1 location '{place}'")
        cluster.execute("create table t (n int) tablespace ts1")
        return cls(cluster, bucket, barman, is_for_us_only=newer_barman)

    @property
    def url(self) -> str:
        return f"s3://{self.bucket.name}/pg"

    @property
    def environment(self) -> dict[str, str]:
        return {**credentials(self.bucket.user), **ENVIRONMENT}

    def argv(
        self, tool: Tool, name: str, *words: str | Path, options: Iterable[str] = ()
    ) -> list[str]:
        """Return a command line; words follow URL and SERVER_NAME."""
        theirs = str(self.barman / f"barman-cloud-{name}")
        program = command_path(name) if tool == "ours" else theirs
        reach = ["--endpoint-url", self.bucket.endpoint]
        return [program, *reach, *options, self.url, SERVER, *map(str, words)]

    def attempt(
        self, tool: Tool, name: str, *words: str | Path, options: Iterable[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        argv = self.argv(tool, name, *words, options=options)
        if tool == "ours" or not self.is_for_us_only:
            return self.cluster.run(argv, env=self.environment, check=False)
        env = self.cluster.environment | self.environment
        return subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    def run(
        self, tool: Tool, name: str, *words: str | Path, options: Iterable[str] = ()
    ) -> str:
        """Run a command that has to succeed; return what it printed."""
        ended = self.attempt(tool, name, *words, options=options)
        assert ended.returncode == 0, f"{ended.args}: {ended.stderr}"
        return ended.stdout

    def archive_by(self, tool: Tool, *options: str) -> None:
        """Have the cluster archive by one of the tools from now on."""
        argv = self.argv(tool, "wal-archive", options=options)
        command = shlex.join([*self._env(), *argv])
        self.cluster.configure({"archive_command": f"{command} %p"})

    def write(self) -> None:
        """Put one more row into t, and archive it."""
        self.rows.append(len(self.rows))
        self.cluster.execute(f"insert into t values ({self.rows[-1]})")
        self.cluster.wait_until_archived(self.cluster.switch_wal())

    def back_up(self, tool: Tool, *options: str) -> str:
        """Take a base backup and return its id."""
        before = self.backup_ids()
        self.run(tool, "backup", options=["--immediate-checkpoint", *options])
        (backup_id,) = self.backup_ids() - before
        return backup_id

    def backup_ids(self) -> set[str]:
        return {key.split("/")[1] for key in self.keys() if "/backup.info" in key}

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys of the server's objects, without the common part."""
        common = f"pg/{SERVER}/"
        pages = self.bucket.client.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket.name, Prefix=common + prefix)
        return [
            item["Key"].removeprefix(common)
            for page in found
            for item in page.get("Contents", [])
        ]

    def restore_command(self, tool: Tool) -> str:
        """Return restore_command's text."""
        # Barman's own place for this is shared by all archives of a machine.
        spool = [f"--spool-dir={self.cluster.directory / 'walrestore'}"]
        options = spool if tool == "theirs" else ()
        argv = self.argv(tool, "wal-restore", options=options)
        return f"{shlex.join([*self._env(), *argv])} %f %p"

    def recover(
        self, restored: Cluster, tool: Tool, *, settings: Sequence[str] = ()
    ) -> None:
        """Start what barman-cloud-restore restored, and wait until it takes writes."""
        command = self.restore_command(tool).replace("'", "''")
        lines = [f"restore_command = '{command}'", "archive_mode = 'off'", *settings]
        with (restored.data_directory / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
        signal = restored.data_directory / "recovery.signal"
        signal.touch()
        restored.os_user.give(signal)
        self.recover_as_written(restored)

    def recover_as_written(self, restored: Cluster) -> None:
        """Start what our restore restored, and wait until it takes writes."""
        # restore_command has no credentials: they are the server's.
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            restored.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        restored.wait_for("select pg_is_in_recovery()", "f", 60)

    def _env(self) -> list[str]:
        return ["env", *(f"{k}={v}" for k, v in sorted(self.environment.items()))]


def rows_of(cluster: Cluster) -> list[int]:
    """Return what the table t of a restored cluster holds."""
    return [int(n) for (n,) in cluster.sql("select n from t order by n")]
