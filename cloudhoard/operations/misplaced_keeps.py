"""Annotations that barman-cloud-backup-keep has put beside the archive.

Given a URL with a slash at its end, it stores the annotation of a backup under
``<path>//<server>/``, where it does not look for it itself without that slash. Somebody
meant the backup to be kept, so these annotations count as if they lay where they
belong.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from cloudhoard.domain.archive_layout import (
    BACKUPS_PREFIX,
    DATA_ITEM,
    backup_id_of,
    keep_key,
    parse_volume_key,
    volumes_key,
)
from cloudhoard.storage.errors import AccessDenied, ObjectNotFound
from cloudhoard.storage.protocol import ObjectInfo, Storage
from cloudhoard.storage.wrapped import WrappedStorage
from cloudhoard.streams import ByteSink, ByteSource

_log = logging.getLogger(__name__)


class WithMisplacedKeeps(WrappedStorage):
    """An archive in which annotations that lie beside it are seen as well.

    That costs one more LIST with each of base/. Without always it is made only where
    a backup of barman-cloud's is among what is listed. Who may not list beside the
    archive is refused only with always and where a backup of barman-cloud's is.
    """

    def __init__(
        self, storage: Storage, open_beside: Callable[[], Storage], *, always: bool
    ) -> None:
        super().__init__(storage)
        self._open_beside = open_beside
        self._always = always
        self._beside: Storage | None = None
        self._misplaced: set[str] = set()
        """Keys of annotations beside the archive that have been listed."""
        self._only_beside: set[str] = set()
        """Those of them that the archive itself does not have."""

    def stat(self, key: str) -> ObjectInfo:
        """As the archive, or what lies beside it."""
        return self._holder_of(key).stat(key)

    def open_read(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> AbstractContextManager[ByteSource]:
        """As the archive, or what lies beside it."""
        return self._holder_of(key).open_read(key, offset=offset, length=length)

    def list_objects(
        self, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo]:
        """As the archive; below base/ with annotations that lie beside it."""
        objects = self._storage.list_objects(prefix, start_after=start_after)
        if not prefix.startswith(BACKUPS_PREFIX):
            return objects
        return self._with_keeps(objects, prefix, start_after)

    def open_write(
        self, key: str, *, at_most: int, overwrite: bool = False
    ) -> AbstractContextManager[ByteSink]:
        """As the archive."""
        self._only_beside.discard(key)
        return self._storage.open_write(key, at_most=at_most, overwrite=overwrite)

    def delete_objects(self, keys: Iterable[str]) -> None:
        """As the archive, and an annotation that was listed beside it."""
        doomed = list(keys)
        self._storage.delete_objects(doomed)
        misplaced = [key for key in doomed if key in self._misplaced]
        if misplaced:
            self._opened().delete_objects(misplaced)
            self._misplaced.difference_update(misplaced)
            self._only_beside.difference_update(misplaced)

    def close(self) -> None:
        """Give back connections of both."""
        if self._beside is not None:
            self._beside.close()
        super().close()

    def _with_keeps(
        self, objects: Iterable[ObjectInfo], prefix: str, start_after: str
    ) -> Iterator[ObjectInfo]:
        found = {each.key: each for each in objects}
        if self._always or _has_barmans(found):
            keeps = self._keeps_beside(prefix, start_after, among=found)
            self._misplaced.update(keeps)
            self._only_beside.update(keeps.keys() - found.keys())
            found = keeps | found
        for key in sorted(found):
            yield found[key]

    def _keeps_beside(
        self, prefix: str, start_after: str, *, among: Iterable[str]
    ) -> dict[str, ObjectInfo]:
        try:
            beside = self._opened().list_objects(prefix, start_after=start_after)
            return {each.key: each for each in beside if _is_keep(each.key)}
        except ObjectNotFound:
            return {}  # MinIO and its kin: no key has two slashes in a row
        except AccessDenied as error:
            # A policy that allows the archive and nothing beside it.
            if self._always and _has_barmans(among):
                raise
            _log.info("annotations beside the archive are not seen: %s", error)
            return {}

    def _holder_of(self, key: str) -> Storage:
        return self._opened() if key in self._only_beside else self._storage

    def _opened(self) -> Storage:
        if self._beside is None:
            self._beside = self._open_beside()
        return self._beside


def _is_keep(key: str) -> bool:
    backup_id = backup_id_of(key)
    return backup_id is not None and key == keep_key(backup_id)


def _has_barmans(keys: Iterable[str]) -> bool:
    """Whether volumes are among keys of a backup that has no list of them."""
    listed = set(keys)
    for key in listed:
        volume = parse_volume_key(key)
        if volume is None or (volume.item, volume.index) != (DATA_ITEM, 0):
            continue
        if volumes_key(volume.backup_id) not in listed:
            return True
    return False
