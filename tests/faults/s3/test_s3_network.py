"""Whatever the network does, an object is whole or there is an error."""

import random
import uuid

import pytest

from cloudhoard.storage.backends.s3 import S3Storage
from cloudhoard.storage.errors import (
    AccessDenied,
    ObjectExists,
    StorageUnavailable,
)
from cloudhoard.storage.s3_options import MIB
from tests.services.seaweedfs import READER
from tests.support.fault_proxy import FaultProxy
from tests.support.http_faults import Kind
from tests.support.s3_store import Bucket
from tests.support.stores import get, keys, put

KEY = "wals/one"
SMALL = random.Random(1).randbytes(300_000)  # noqa: S311
LARGE = random.Random(2).randbytes(11 * MIB)  # noqa: S311


@pytest.fixture
def name() -> str:
    """A prefix of the test's own."""
    return uuid.uuid4().hex


@pytest.fixture
def storage(bucket: Bucket, proxy: FaultProxy, name: str) -> S3Storage:
    storage = bucket.open(name, endpoint=proxy.url, read_timeout=3, connect_timeout=3)
    storage.trust_conditions(honoured=True)
    return storage


@pytest.fixture
def beside(bucket: Bucket, name: str) -> S3Storage:
    """The same objects, without the proxy."""
    return bucket.open(name)


ONCE: list[Kind] = ["reset request", "swallow", "stall", "status"]


@pytest.mark.parametrize("kind", ONCE)
@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["one request", "parts"])
def test_fault_while_storing_is_overcome(
    storage: S3Storage, beside: S3Storage, proxy: FaultProxy, kind: Kind, content: bytes
) -> None:
    fault = proxy.add("^PUT", kind)

    put(storage, KEY, content)

    assert fault.seen == 1
    assert get(beside, KEY) == content


@pytest.mark.parametrize("kind", ["swallow", "status"])
def test_fault_at_the_commit_of_parts_is_overcome(
    storage: S3Storage, beside: S3Storage, proxy: FaultProxy, kind: Kind
) -> None:
    fault = proxy.add("^POST .*uploadId", kind)

    put(storage, KEY, LARGE)

    assert fault.seen == 1
    assert get(beside, KEY) == LARGE


def test_lost_answer_does_not_hide_that_the_name_was_taken(
    storage: S3Storage, beside: S3Storage, proxy: FaultProxy
) -> None:
    put(beside, KEY, b"another's")
    proxy.add("^PUT", "swallow")

    with pytest.raises(ObjectExists):
        put(storage, KEY, SMALL)

    assert get(beside, KEY) == b"another's"


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["one request", "parts"])
def test_store_that_stays_away_is_an_error_and_stores_nothing(
    bucket: Bucket, storage: S3Storage, proxy: FaultProxy, name: str, content: bytes
) -> None:
    proxy.add("^PUT", "status", times=99, status=500)

    with pytest.raises(StorageUnavailable, match=f"write {KEY} to .*{name}.*500"):
        put(storage, KEY, content)

    assert keys(storage) == []
    assert bucket.uploads(f"{name}/{KEY}") == []


@pytest.mark.parametrize("kind", ["reset answer", "cut answer", "stall", "status"])
def test_fault_while_reading_is_overcome(
    storage: S3Storage, beside: S3Storage, proxy: FaultProxy, kind: Kind
) -> None:
    put(beside, KEY, LARGE)
    fault = proxy.add("^GET", kind, times=2, after=2 * MIB)

    assert get(storage, KEY) == LARGE
    assert fault.seen == 2


@pytest.mark.parametrize("kind", ["reset answer", "cut answer"])
def test_answer_that_always_ends_early_is_an_error(
    storage: S3Storage, beside: S3Storage, proxy: FaultProxy, kind: Kind
) -> None:
    put(beside, KEY, SMALL)
    proxy.add("^GET", kind, times=99, after=0)

    with pytest.raises(StorageUnavailable, match=f"read {KEY}"):
        get(storage, KEY)


def test_object_replaced_between_two_answers_is_never_mixed(
    storage: S3Storage, beside: S3Storage, proxy: FaultProxy
) -> None:
    put(beside, KEY, LARGE)
    proxy.add("^GET", "reset answer", after=2 * MIB)

    with pytest.raises(StorageUnavailable), storage.open_read(KEY) as source:
        source.read(1)
        with beside.open_write(KEY, at_most=len(LARGE), overwrite=True) as sink:
            sink.write(LARGE[::-1])
        while source.read(MIB):
            pass


def test_listing_that_fails_is_not_an_empty_one(
    storage: S3Storage, beside: S3Storage, proxy: FaultProxy
) -> None:
    put(beside, KEY)
    proxy.add("^GET", "status", times=99, status=503)

    with pytest.raises(StorageUnavailable, match=r"list .*503"):
        keys(storage)


def test_answer_404_of_something_else_is_not_absence(
    storage: S3Storage, proxy: FaultProxy
) -> None:
    proxy.add("^(GET|HEAD)", "status", times=99, status=404)

    with pytest.raises(StorageUnavailable):
        storage.stat(KEY)
    with pytest.raises(StorageUnavailable):
        get(storage, KEY)


def test_upload_of_a_killed_command_is_swept_by_the_next_of_that_name(
    bucket: Bucket, beside: S3Storage, name: str
) -> None:
    place = {"Bucket": bucket.name, "Key": f"{name}/{KEY}"}
    bucket.client.create_multipart_upload(**place)
    assert len(bucket.uploads(place["Key"])) == 1

    put(beside, KEY, LARGE)

    assert bucket.uploads(place["Key"]) == []
    assert get(beside, KEY) == LARGE


def test_uploads_that_nobody_can_be_at_work_on_are_swept(
    bucket: Bucket, storage: S3Storage, proxy: FaultProxy, name: str
) -> None:
    keys = [f"{name}/base/a/data.tar", f"{name}/wals/a"]
    for key in keys:
        bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)

    storage.drop_unfinished("base/")
    assert [len(bucket.uploads(key)) for key in keys] == [1, 1], "too young"
    proxy.add("^GET .*uploads", "age uploads")
    storage.drop_unfinished("base/")

    assert [len(bucket.uploads(key)) for key in keys] == [0, 1]


def test_refused_credentials_are_told_apart(bucket: Bucket, name: str) -> None:
    bucket_of_reader = Bucket.__new__(Bucket)
    bucket_of_reader.__dict__.update(bucket.__dict__, user=READER)
    reader = bucket_of_reader.open(name)
    reader.trust_conditions(honoured=True)
    bucket_of_reader.user = ("nobody", "wrong")
    stranger = bucket_of_reader.open(name)

    with pytest.raises(AccessDenied, match=f"write {KEY} .*AccessDenied"):
        put(reader, KEY)
    with pytest.raises(AccessDenied) as caught:
        keys(stranger)
    assert caught.value.hint is not None


def test_segment_costs_one_request_once_conditions_are_known(
    storage: S3Storage, proxy: FaultProxy
) -> None:
    put(storage, KEY, SMALL)

    assert [line.split()[0] for line in proxy.requests] == ["PUT"]
