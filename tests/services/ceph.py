"""Ceph's RADOS Gateway, from Debian's packages, on a cluster in memory.

It honours conditions on single requests and ignores them where parts are put together,
compares no newer checksum, and says nothing when it does not encrypt.
"""

import shutil
import sys
from pathlib import Path
from typing import Final

from tests.services import ceph_cluster
from tests.services.seaweedfs import ADMIN, WRITER
from tests.services.shared import Launch, shared_port
from tests.support.requirements import missing

KMS_KEY: Final = "testkey-1"
"""The one key that it can encrypt with, for aws:kms."""

_PACKAGES: Final = "radosgw ceph-mon ceph-osd ceph-common"


def ceph_endpoint() -> str:
    """Return the URL of the server that the tests of this run share.

    ADMIN and WRITER are two keys of one user there, who may do everything.
    """
    return f"http://127.0.0.1:{shared_port('ceph', _prepare, ports=10)}"


def _prepare(directory: Path, port: int) -> Launch:
    for name in ceph_cluster.PROGRAMS:
        if shutil.which(name) is None:
            missing("ceph", f"{name} is not installed: apt-get install {_PACKAGES}")
    users = [word for keys in (ADMIN, WRITER) for word in keys]
    script = Path(ceph_cluster.__file__)
    return Launch(
        argv=[sys.executable, str(script), str(directory), str(port), *users],
        environment={},
        ready_urls=[f"http://127.0.0.1:{port}/"],
    )
