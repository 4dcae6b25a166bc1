"""What an encrypted WAL object says about itself, and the key to check it with."""

import logging
from collections.abc import Mapping
from pathlib import Path

from cloudhoard.codec.wal_digest import WalDigestKey
from cloudhoard.errors import CloudHoardError
from cloudhoard.operations.local_wal import LocalWal
from cloudhoard.postgres.control_file import read_control_data

_log = logging.getLogger(__name__)


def find_digest_key(wal: LocalWal, key_file: Path | None) -> WalDigestKey | None:
    """The key that every copy of the cluster has and the archive has not.

    It comes from key_file where one is given, else from the data directory's
    pg_control; None where neither can be had.
    """
    if key_file is not None:
        return WalDigestKey.from_file(key_file)
    if wal.data_directory is None:
        return None
    try:
        control = read_control_data(wal.data_directory)
    except (OSError, CloudHoardError) as error:
        _log.warning("no digest of %s is stored: %s", wal.file.name, error)
        return None
    if control.system_identifier != wal.system_identifier:
        return None
    return WalDigestKey.derive(
        control.mock_authentication_nonce, control.system_identifier
    )


def wal_attributes(
    wal: LocalWal, key: str, digest_key: WalDigestKey | None
) -> Mapping[str, object]:
    """The attributes under which the content of wal is encrypted at key."""
    attributes: dict[str, object] = {
        "name": key,
        "system": str(wal.system_identifier),
        "size": wal.size,
    }
    if digest_key is not None:
        wal.content.seek(0)
        attributes["digest"] = digest_key.digest_text(wal.content)
    return attributes
