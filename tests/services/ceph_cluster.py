"""Starts a Ceph cluster of one of each, with a gateway, and stays until it is killed.

``python ceph_cluster.py DIRECTORY PORT ACCESS_KEY SECRET [ACCESS_KEY SECRET]...``
takes the ten ports from PORT. The gateway begins to answer when all is ready. What is
stored is in memory.
"""

import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw")

_DEVICE_SIZE: Final = 4 << 30
_USER: Final = "tests"
_KMS_KEY: Final = "YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo="
_SETTINGS: Final = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon_port}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_msgr1 = false
ms_bind_port_min = {first_osd_port}
ms_bind_port_max = {last_osd_port}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = {directory}
admin_socket =
pid_file =
log_file = {directory}/$name.log
crash_dir = {directory}
mon_data = {directory}/mon
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
mon_data_avail_warn = 2
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
osd_data = {directory}/osd
osd_objectstore = memstore
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
memstore_device_bytes = {device_size}
memstore_page_set = false

[client.rgw]
# an encrypted session with the monitor, the default, needs keys
ms_mon_client_mode = crc
rgw_data = {directory}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_override_bucket_index_max_shards = 1
rgw_gc_obj_min_wait = 5
rgw_gc_processor_period = 5
rgw_gc_processor_max_time = 5
rgw_thread_pool_size = 32
rgw_crypt_require_ssl = false
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = testkey-1={kms_key}
"""


class CephCluster:
    """Monitor, storage daemon and gateway; children of this process."""

    def __init__(self, directory: Path, port: int) -> None:
        self._directory = directory
        self._settings = directory / "ceph.conf"
        self._mon_port = port + 1
        self._fsid = str(uuid.uuid4())
        for name in ("mon", "osd", "rgw"):
            (directory / name).mkdir()
        text = _SETTINGS.format(
            fsid=self._fsid,
            directory=directory,
            port=port,
            mon_port=self._mon_port,
            first_osd_port=port + 2,
            last_osd_port=port + 9,
            device_size=_DEVICE_SIZE,
            kms_key=_KMS_KEY,
        )
        self._settings.write_text(text)

    def start_monitor(self) -> None:
        """Return once it answers."""
        monmap = str(self._directory / "monmap")
        address = f"[v2:127.0.0.1:{self._mon_port}]"
        made = ["--create", "--fsid", self._fsid, "--addv", "a", address, monmap]
        subprocess.run(["monmaptool", *made], check=True)
        monitor = self._with_settings("ceph-mon", "-i", "a")
        subprocess.run([*monitor, "--mkfs", "--monmap", monmap], check=True)
        subprocess.Popen([*monitor, "-f"])

    def start_storage(self) -> None:
        """Return once objects can be stored."""
        identity = str(uuid.uuid4())
        self._ask("osd", "new", identity)
        storage = self._with_settings("ceph-osd", "-i", "0")
        subprocess.run([*storage, "--mkfs", "--osd-uuid", identity], check=True)
        subprocess.Popen([*storage, "-f"])
        while "1 up" not in self._ask("osd", "stat"):
            time.sleep(0.1)
        # Made by the gateway at the first request, they would make that slow.
        for pool in ("index", "data", "non-ec"):
            self._ask("osd", "pool", "create", f"default.rgw.buckets.{pool}", "4")

    def make_user(self, credentials: Sequence[tuple[str, str]]) -> None:
        """Make the user, with these pairs of access key and secret."""
        create = ("user", "create", f"--display-name={_USER}")
        for access_key, secret in credentials:
            keys = (f"--access-key={access_key}", f"--secret={secret}")
            admin = self._with_settings("radosgw-admin", "-n", "client.rgw")
            subprocess.run([*admin, *create, f"--uid={_USER}", *keys], check=True)
            create = ("key", "create", "--key-type=s3")

    def serve(self) -> int:
        """Run the gateway to its end."""
        gateway = self._with_settings("radosgw", "-n", "client.rgw", "-f")
        return subprocess.run(gateway, check=False).returncode

    def _ask(self, *words: str) -> str:
        asked = self._with_settings("ceph", "--connect-timeout", "30", *words)
        return subprocess.run(
            asked, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def _with_settings(self, program: str, *words: str) -> list[str]:
        return [program, "-c", str(self._settings), *words]


def main(directory: str, port: str, *words: str) -> int:
    """Serve; returns only when the gateway ends."""
    cluster = CephCluster(Path(directory), int(port))
    cluster.start_monitor()
    cluster.start_storage()
    cluster.make_user(list(zip(words[::2], words[1::2], strict=True)))
    return cluster.serve()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
