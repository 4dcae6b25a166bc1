"""The refusal to let a restored copy write to its original's archive."""

from pathlib import Path

from cloudhoard.domain.restored_guard import GUARD_NAME, RestoredGuard
from cloudhoard.errors import InvalidFormat, OperationFailed


class RestoredCopy(OperationFailed):
    """This cluster is a copy, and the archive belongs to its original."""


def refuse_restored_copy(data_directory: Path | None, location: str) -> None:
    """Return normally when the cluster may write to the archive at location.

    Raises:
        RestoredCopy: it was restored from that archive, and nobody has said since
            that it takes the archive over.
    """
    if data_directory is None:
        return
    path = data_directory / GUARD_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    try:
        guard = RestoredGuard.from_json(data)
    except InvalidFormat as error:
        raise RestoredCopy(
            f"{path} keeps this cluster from archiving, and cannot be read",
            hint=_remedy(path),
        ) from error
    if _is_same_place(guard.archive, location):
        raise RestoredCopy(
            f"this cluster was restored from {guard.archive} at"
            f" {guard.restored_at.isoformat(timespec='seconds')}"
            " and does not write there",
            hint=_remedy(path),
        )


def _is_same_place(archive: str, location: str) -> bool:
    """Whether both are one archive; a directory has other names through links."""
    if archive == location:
        return True
    paths = [text.removeprefix("file://") for text in (archive, location)]
    if not all(path.startswith("/") for path in paths):
        return False
    try:
        return Path(paths[0]).samefile(paths[1])
    except OSError:
        return False


def _remedy(path: Path) -> str:
    return (
        "archive it under a SERVER_NAME of its own; or, if the original is gone for"
        f" good and this cluster takes its place, remove {path}"
    )
