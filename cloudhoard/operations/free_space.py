"""Whether a backup fits where it is to go."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from cloudhoard.domain.archive_layout import DATA_ITEM
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.restore_directories import RestoreDirectories


def check_free_space(
    sizes: Iterable[tuple[str, int]], directories: RestoreDirectories
) -> None:
    """Refuse a restore that cannot end well; the directories exist already.

    sizes are pairs of an item, ``data`` or a tablespace's oid, and bytes: those of
    volumes before compression, a little more than the files', or what else is known.

    Raises:
        OperationFailed: a file system has less room than its files take.
    """
    needed: defaultdict[int, int] = defaultdict(int)
    places: dict[int, Path] = {}
    for item, size in sizes:
        place = directories.data if item == DATA_ITEM else directories.tablespaces[item]
        device = place.stat().st_dev
        needed[device] += size
        places.setdefault(device, place)
    for device, size in needed.items():
        status = os.statvfs(places[device])
        free = status.f_bavail * status.f_frsize
        if size > free:
            raise OperationFailed(
                f"the backup takes {size} bytes below {places[device]}, of which"
                f" {free} are free"
            )
