"""The installed commands on buckets of real servers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.services.ceph import ceph_endpoint
from tests.services.seaweedfs import WRITER, seaweedfs_endpoint
from tests.support.fault_proxy import FaultProxy
from tests.support.s3_commands import S3Commands
from tests.support.s3_store import Bucket
from tests.support.wal_files import DataDirectory

MakeS3 = Callable[[str], S3Commands]

ENDPOINTS = {"SeaweedFS": seaweedfs_endpoint, "Ceph": ceph_endpoint}


@pytest.fixture
def make_s3() -> Iterator[MakeS3]:
    """Return the commands on a new bucket of a server, by its name in ENDPOINTS."""
    with ExitStack() as proxies:

        def make(server: str) -> S3Commands:
            bucket = Bucket(ENDPOINTS[server](), WRITER)
            proxy = proxies.enter_context(FaultProxy(bucket.endpoint))
            return S3Commands(bucket, proxy)

        yield make


@pytest.fixture
def s3(make_s3: MakeS3) -> S3Commands:
    return make_s3("SeaweedFS")


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")
