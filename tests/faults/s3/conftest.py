from collections.abc import Iterator

import pytest

from tests.services.seaweedfs import WRITER, seaweedfs_endpoint
from tests.support.fault_proxy import FaultProxy
from tests.support.s3_commands import S3Commands
from tests.support.s3_store import Bucket


@pytest.fixture(scope="session")
def bucket() -> Bucket:
    return Bucket(seaweedfs_endpoint(), WRITER)


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[FaultProxy]:
    with FaultProxy(bucket.endpoint) as proxy:
        yield proxy


@pytest.fixture
def s3() -> Iterator[S3Commands]:
    """The commands, on a bucket of their own behind a proxy of their own."""
    bucket = Bucket(seaweedfs_endpoint(), WRITER)
    with FaultProxy(bucket.endpoint) as proxy:
        yield S3Commands(bucket, proxy)
