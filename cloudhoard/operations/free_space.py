"""Whether a backup fits where it is to go."""

import os
from collections import defaultdict
from pathlib import Path

from cloudhoard.domain.archive_layout import DATA_ITEM
from cloudhoard.domain.volume_list import VolumeList
from cloudhoard.errors import OperationFailed
from cloudhoard.operations.restore_directories import RestoreDirectories


def check_free_space(volumes: VolumeList, directories: RestoreDirectories) -> None:
    """Refuse a restore that cannot end well; the directories exist already.

    Sizes are those of the volumes before compression, a little more than the files'.

    Raises:
        OperationFailed: a file system has less room than its files take.
    """
    needed: defaultdict[int, int] = defaultdict(int)
    places: dict[int, Path] = {}
    for volume in (*volumes.volumes, volumes.manifest):
        place = directories.data
        if volume.is_volume and volume.item not in (None, DATA_ITEM):
            place = directories.tablespaces[str(volume.item)]
        device = place.stat().st_dev
        needed[device] += volume.plain_size
        places.setdefault(device, place)
    for device, size in needed.items():
        status = os.statvfs(places[device])
        free = status.f_bavail * status.f_frsize
        if size > free:
            raise OperationFailed(
                f"the backup takes {size} bytes below {places[device]}, of which"
                f" {free} are free"
            )
