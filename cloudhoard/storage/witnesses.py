"""Whether a directory is the archive, or only where it would be if it were mounted."""

from collections.abc import Sequence

from cloudhoard.storage.directory import Directory
from cloudhoard.storage.object_key import is_key_component


def is_witness_seen(root: Directory, witnesses: Sequence[str]) -> bool:
    """Tell whether one of the witnesses is in root.

    Args:
        root: the directory that would be the archive.
        witnesses: keys of objects, or of directories with a slash at the end, which
            count when something is in them.

    Raises:
        OSError, StorageUnavailable: whether it is there cannot be seen.
    """
    return any(_is_seen(root, witness) for witness in witnesses)


def _is_seen(root: Directory, witness: str) -> bool:
    *names, last = witness.split("/")
    try:
        with root.descend(names) as directory:
            if last:
                return directory.status(last) is not None
            return any(is_key_component(entry.name) for entry in directory.entries())
    except (FileNotFoundError, NotADirectoryError):
        return False
