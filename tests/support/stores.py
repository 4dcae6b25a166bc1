"""The stores that the conformance suite runs over, and what each declares.

A new backend gets a class here, a row in STORES and a row in docs/storage.md.
"""

import shutil
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cloudhoard.storage.backends.local import LocalStorage
from cloudhoard.storage.backends.memory import MemoryContainer, MemoryStorage
from cloudhoard.storage.protocol import Storage
from tests.services.ceph import ceph_endpoint
from tests.services.juicefs import juicefs_endpoint
from tests.services.seaweedfs import ADMIN, WRITER, seaweedfs_endpoint
from tests.support.s3_store import Bucket


@dataclass(frozen=True)
class Capabilities:
    """What a store can do; the suite tests that it is true."""

    exclusive_create: str
    """Of several writers of one key exactly one wins: "yes", "no", or "not in parts",
    as long as the object is not sent in parts."""
    absence: str
    """What makes "it is not there" believable: "answer" or "witness"."""
    keys_below_keys: bool
    """Both a and a/b may be objects."""
    durable: bool
    """An object outlives the process, and a power cut."""
    listing: str = "by key"
    """The order of listings: "by key", or "by directory"; see is_in_one_order."""


class StoreUnderTest(Protocol):
    """An empty container of one store."""

    capabilities: Capabilities

    def open(self, prefix: str = "", *, witnesses: Sequence[str] = ()) -> Storage:
        """Return a new client that shares nothing with others in this process."""

    def remove_container(self) -> None:
        """Take the container away."""


class MemoryStore:
    capabilities = Capabilities(
        exclusive_create="yes", absence="answer", keys_below_keys=True, durable=False
    )

    def __init__(self, _: Path) -> None:
        self._container = MemoryContainer(uuid.uuid4().hex)

    def open(self, prefix: str = "", *, witnesses: Sequence[str] = ()) -> Storage:
        del witnesses  # its answers need none
        return MemoryStorage(self._container, prefix)

    def remove_container(self) -> None:
        self._container.exists = False


class LocalStore:
    capabilities = Capabilities(
        exclusive_create="yes", absence="witness", keys_below_keys=False, durable=True
    )

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "container"
        self._directory.mkdir()

    def open(self, prefix: str = "", *, witnesses: Sequence[str] = ()) -> Storage:
        return LocalStorage(str(self._directory), prefix, witnesses=witnesses)

    def remove_container(self) -> None:
        shutil.rmtree(self._directory)


class S3Store:
    """A bucket of its own, on a server that all tests of a run share."""

    capabilities: Capabilities

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def open(self, prefix: str = "", *, witnesses: Sequence[str] = ()) -> Storage:
        del witnesses  # its answers need none
        return self._bucket.open(prefix)

    def remove_container(self) -> None:
        self._bucket.remove()


class SeaweedStore(S3Store):
    capabilities = Capabilities(
        exclusive_create="not in parts",
        absence="answer",
        keys_below_keys=True,
        durable=True,
        listing="by directory",
    )

    def __init__(self, _: Path) -> None:
        super().__init__(Bucket(seaweedfs_endpoint(), WRITER))


class JuiceStore(S3Store):
    capabilities = Capabilities(
        exclusive_create="no", absence="answer", keys_below_keys=False, durable=True
    )

    def __init__(self, _: Path) -> None:
        super().__init__(Bucket(juicefs_endpoint(), ADMIN))


class CephStore(S3Store):
    capabilities = Capabilities(
        exclusive_create="not in parts",
        absence="answer",
        keys_below_keys=True,
        durable=True,
    )

    def __init__(self, _: Path) -> None:
        super().__init__(Bucket(ceph_endpoint(), WRITER))


STORES: Final[dict[str, Callable[[Path], StoreUnderTest]]] = {
    "memory": MemoryStore,
    "file": LocalStore,
    "s3 (Ceph RADOS Gateway)": CephStore,
    "s3 (SeaweedFS)": SeaweedStore,
    "s3 (JuiceFS gateway)": JuiceStore,
}

CAPABILITIES: Final[dict[str, Capabilities]] = {
    "memory": MemoryStore.capabilities,
    "file": LocalStore.capabilities,
    "s3 (Ceph RADOS Gateway)": CephStore.capabilities,
    "s3 (SeaweedFS)": SeaweedStore.capabilities,
    "s3 (JuiceFS gateway)": JuiceStore.capabilities,
}


def is_in_one_order(names: Collection[str], start_after: str = "") -> bool:
    """Tell whether sorting names, or their components one by one, is the same.

    It is where no directory's name and a dash or a dot begin a name beside it. The
    names in an archive are all like that.
    """
    directories = {
        "/".join(name.split("/")[:depth])
        for name in names
        for depth in range(1, name.count("/") + 1)
    }
    rivals = {*names, *directories}
    is_one = not any(
        r[: len(d) + 1] in {d + "-", d + "."} for d in directories for r in rivals
    )
    return is_one and start_after not in directories


def put(storage: Storage, key: str, content: bytes = b"content") -> None:
    """Store one small object."""
    with storage.open_write(key, at_most=len(content)) as sink:
        sink.write(content)


def get(storage: Storage, key: str) -> bytes:
    """Return the whole of one object."""
    with storage.open_read(key) as source:
        return b"".join(iter(lambda: source.read(1 << 20), b""))


def keys(storage: Storage, prefix: str = "", *, start_after: str = "") -> list[str]:
    """Return the keys that a listing gives, in its order."""
    listing = storage.list_objects(prefix, start_after=start_after)
    return [info.key for info in listing]


def wait_for_the_next_second(storage: Storage) -> None:
    """Return once what is there is older than a new object, by the store's clock.

    Many stores tell whole seconds only.
    """
    probe = "cloudhoard/tick"
    with storage.open_write(probe, at_most=1, overwrite=True) as sink:
        sink.write(b"x")
    begun = storage.stat(probe).modified
    while storage.stat(probe).modified <= begun:
        with storage.open_write(probe, at_most=1, overwrite=True) as sink:
            sink.write(b"x")
    storage.delete_objects([probe])
