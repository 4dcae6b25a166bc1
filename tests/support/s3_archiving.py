"""A real cluster that archives into a bucket."""

import shlex
from collections.abc import Sequence

from tests.conftest import MakeCluster
from tests.support.cluster import Cluster
from tests.support.programs import command_path
from tests.support.s3_commands import SERVER, S3Commands


def archiving_cluster(
    make_cluster: MakeCluster, s3: S3Commands, *, options: Sequence[str] = ()
) -> Cluster:
    """Return a running primary that archives past the proxy; the environment is s3's.

    The caller has put s3.environment into its own environment.
    """
    cluster = make_cluster(settings={"archive_mode": "on"})
    endpoint = ["--endpoint-url", s3.bucket.endpoint]
    words = [command_path("wal-archive"), *endpoint, *options, s3.url, SERVER]
    cluster.configure({"archive_command": f"{shlex.join(words)} %p"})
    cluster.start()
    return cluster
