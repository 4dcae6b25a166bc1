"""The installed commands on an archive in a bucket, by way of a proxy that records."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.exchanges import Exchange
from tests.support.fault_proxy import FaultProxy
from tests.support.programs import command_path
from tests.support.s3_store import Bucket, credentials

SERVER: Final = "main"
_TIMEOUT: Final = 120


@dataclass(frozen=True)
class S3Commands:
    """Runs commands in processes of their own."""

    bucket: Bucket
    proxy: FaultProxy

    @property
    def url(self) -> str:
        return f"s3://{self.bucket.name}/pg"

    @property
    def reach(self) -> list[str]:
        """The options by which a command gets to the bucket."""
        return ["--endpoint-url", self.proxy.url]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **credentials(self.bucket.user)}

    def argv(
        self, name: str, *words: str | Path, options: Iterable[str] = ()
    ) -> list[str]:
        """Return the command line; words follow URL and SERVER_NAME."""
        place = [self.url, SERVER]
        return [command_path(name), *self.reach, *options, *place, *map(str, words)]

    def attempt(
        self, name: str, *words: str | Path, options: Iterable[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever that is."""
        return subprocess.run(
            self.argv(name, *words, options=options),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )

    def spawn(
        self, name: str, *words: str | Path, options: Iterable[str] = ()
    ) -> subprocess.Popen[str]:
        """Start a command; it is the caller's to end and wait for."""
        return subprocess.Popen(
            self.argv(name, *words, options=options),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def asked(
        self,
        name: str,
        *words: str | Path,
        options: Iterable[str] = (),
        exit_code: int = 0,
    ) -> list[Exchange]:
        """Return what a command asked of the store; it has to end with exit_code."""
        self.proxy.taken()
        ended = self.attempt(name, *words, options=options)
        assert ended.returncode == exit_code, ended.stderr
        return self.proxy.taken()

    def stored(self) -> list[str]:
        """Return the keys of all objects of the server's, without the common part."""
        prefix = f"pg/{SERVER}/"
        pages = self.bucket.client.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self.bucket.name, Prefix=prefix)
        return [
            item["Key"].removeprefix(prefix)
            for page in found
            for item in page.get("Contents", [])
        ]
