"""An archive in SeaweedFS behind a proxy that writes down what is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.seaweedfs import WRITER, seaweedfs_endpoint
from tests.support.fault_proxy import FaultProxy
from tests.support.s3_commands import S3Commands
from tests.support.s3_store import Bucket
from tests.support.wal_files import DataDirectory


@pytest.fixture
def s3() -> Iterator[S3Commands]:
    bucket = Bucket(seaweedfs_endpoint(), WRITER)
    with FaultProxy(bucket.endpoint) as proxy:
        yield S3Commands(bucket, proxy)


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "data")
