"""Which WAL file an object of the archive is, wherever in the archive it lies."""

from cloudhoard.domain.archive_layout import parse_partial_key, parse_wal_key
from cloudhoard.domain.wal_file import InvalidWalName, WalFile


def stored_wal(key: str) -> WalFile | None:
    """Return the WAL file whose content, or part of it, is stored under key.

    A partial segment that lies in cloudhoard/partial/ counts under its own name.
    None for everything that CloudHoard and barman do not give this name.
    """
    found = parse_wal_key(key) or parse_partial_key(key)
    if found is None:
        return None
    try:
        return WalFile.parse(found.name)
    except InvalidWalName:  # as timeline 0: no server has written it
        return None
