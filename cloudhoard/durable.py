"""What makes a change of the local file system survive a power cut."""

import os


def fsync_directory(path: str | os.PathLike[str]) -> None:
    """Make the names in directory path durable.

    Raises:
        OSError: as fsync(2); the change must then be taken as not made.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
