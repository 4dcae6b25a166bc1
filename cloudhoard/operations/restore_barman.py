"""Restoring a backup of barman-cloud's, as strictly as it can be done without a list.

Nothing says which files there are and what is in them.  What can be checked is: that
every volume is there which the names or backup.info ask for, that each is whole, and
that backup_label and pg_control are those of this backup.
"""

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.codec.errors import PlainRefused
from cloudhoard.domain.archive_layout import backup_info_key, backup_prefix
from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.barman_backup import (
    BarmanVolume,
    barman_volumes,
    check_restorable,
    outside_config_names,
)
from cloudhoard.domain.restored_guard import RestoredGuard
from cloudhoard.domain.restored_path import check_data_file, shown_path, split_path
from cloudhoard.errors import DamagedError
from cloudhoard.operations.barman_findings import Findings
from cloudhoard.operations.barman_label import check_control, check_label
from cloudhoard.operations.barman_members import BACKUP_LABEL, MemberRules
from cloudhoard.operations.hashed_source import named_error
from cloudhoard.operations.read_stored_backup import (
    Commit,
    missing_object,
    system_identifier_of,
)
from cloudhoard.operations.restorable import Filling
from cloudhoard.operations.restore_volumes import restore_volumes
from cloudhoard.operations.restored_settings import new_file, write_guard
from cloudhoard.operations.target_tree import TargetTree, open_file
from cloudhoard.operations.unpack_barman import BarmanUnpacker
from cloudhoard.operations.volume_place import STAGED_CONTROL, RestoreTrees
from cloudhoard.storage.errors import ObjectNotFound
from cloudhoard.storage.protocol import ReadableStorage
from cloudhoard.streams import ByteSource

_DATA_DIRECTORY: Final = re.compile(
    rb"^[ \t]*data_directory[ \t=]", re.MULTILINE | re.IGNORECASE
)
_NO_LIMIT: Final = 1 << 62
"""Nothing says how large a volume is before compression."""

_log = logging.getLogger(__name__)


def read_barman_backup(
    storage: ReadableStorage, commit: Commit, decoding: Decoding, *, skip_links: bool
) -> "BarmanBackup":
    """See that all of a backup is there which can be asked for, by one LIST.

    Raises:
        PlainRefused: decoding accepts only what is encrypted.
        OperationFailed: backups of its kind cannot be restored.
        DamagedError: a volume is missing, or one too many.
    """
    if decoding.refuses_plain:
        raise PlainRefused(
            f"{backup_info_key(commit.backup_id)}: barman-cloud made this backup, which"
            " is neither encrypted nor signed",
            hint="--accept-plain accepts it: anyone could have put it there",
        )
    check_restorable(commit.backup_id, commit.info)
    system_identifier_of(commit)
    listing = storage.list_objects(backup_prefix(commit.backup_id))
    objects = ((found.key, found.size) for found in listing)
    volumes = barman_volumes(commit.backup_id, commit.info, objects)
    return BarmanBackup(
        storage, commit, volumes, decoding, Findings(skip_links=skip_links)
    )


@dataclass(frozen=True, slots=True)
class BarmanBackup:
    """A RestorableBackup."""

    storage: ReadableStorage
    commit: Commit
    volumes: tuple[BarmanVolume, ...]
    decoding: Decoding
    findings: Findings

    @property
    def backup_id(self) -> str:
        """Its id."""
        return self.commit.backup_id

    @property
    def archive(self) -> str:
        """Where it is stored."""
        return self.storage.location

    @property
    def info(self) -> BackupInfo:
        """Its backup.info."""
        return self.commit.info

    @property
    def is_signed(self) -> bool:
        """Whether a trusted key vouches for info; never."""
        return False

    @property
    def has_outside_config(self) -> bool:
        """Whether configuration can go elsewhere; it is part of the data directory."""
        return False

    @property
    def progress_total(self) -> int:
        """Bytes as they are stored."""
        return sum(volume.stored_size for volume in self.volumes)

    def restored(self) -> tuple[int, int]:
        """Files and bytes that have been written."""
        return self.findings.files, self.findings.size

    def suffixes(self) -> Iterable[str]:
        """How the names of the volumes end."""
        return (volume.suffix for volume in self.volumes)

    def sizes(self) -> Iterable[tuple[str, int]]:
        """What is stored, which is less than what will come of it."""
        return ((volume.item, volume.stored_size) for volume in self.volumes)

    @contextmanager
    def opened(self, data: TargetTree) -> Iterator["BarmanContent"]:
        """Begin, with the one warning that all of this calls for."""
        del data
        _log.warning(
            "backup %s is barman-cloud's, which stores no checksums and no list of"
            " files: they are restored as they are, and could not be verified",
            self.backup_id,
        )
        yield BarmanContent(self)


class BarmanContent:
    """A BackupContent: what the tars hold."""

    def __init__(self, backup: BarmanBackup) -> None:
        self._backup = backup
        config = outside_config_names(backup.info)
        for name in config:
            split_path(name)
            check_data_file(name)
        self._rules = MemberRules(
            major=backup.info.major,
            held=config | {BACKUP_LABEL},
        )
        self.control_sha256: str | None = None

    def fill(self, filling: Filling) -> None:
        """Unpack every volume, then write what was held back."""
        trees = filling.trees

        def restore(volume: BarmanVolume, advance: Callable[[int], None]) -> None:
            with trees.place_for(volume.item) as place:
                unpacker = BarmanUnpacker(
                    volume, place, self._rules, self._backup.findings
                )
                self._read(volume, unpacker, advance)

        restore_volumes(
            iter(self._backup.volumes),
            restore,
            jobs=filling.jobs,
            on_progress=filling.on_progress,
        )
        self._finish_data(trees)

    def finish(self, data: TargetTree, guard: RestoredGuard | None) -> None:
        """Write the guard; no manifest, for nothing was verified."""
        if guard is not None:
            write_guard(data, guard)

    def _read(
        self,
        volume: BarmanVolume,
        unpacker: BarmanUnpacker,
        advance: Callable[[int], None],
    ) -> None:
        backup = self._backup
        try:
            with (
                backup.storage.open_read(volume.key) as stored,
                decoded(
                    _Counted(stored, advance),
                    volume.suffix,
                    backup.decoding,
                    name=volume.key,
                    system_identifier=None,
                    at_most=_NO_LIMIT,
                ) as plain,
            ):
                unpacker.unpack(plain)
        except ObjectNotFound as error:
            raise missing_object(volume.key) from error
        except DamagedError as error:
            raise named_error(error, volume.key) from error

    def _finish_data(self, trees: RestoreTrees) -> None:
        held = self._backup.findings.held
        check_label(held.get(BACKUP_LABEL), self._backup.commit)
        control = _read_control(trees.data)
        check_control(control, self._backup.commit)
        self.control_sha256 = hashlib.sha256(control).hexdigest()
        for name, content in held.items():
            _write(trees.data, name, content)
            self._backup.findings.count(len(content))
        config = {name: held[name] for name in sorted(held) if name != BACKUP_LABEL}
        _warn_of_config(config, trees.data)


def _warn_of_config(config: Mapping[bytes, bytes], data: TargetTree) -> None:
    if not config:
        return
    _log.warning(
        "configuration that lay outside the data directory is in it now, where"
        " barman-cloud stores it (%s); see what it refers to, and that files it"
        " includes are there",
        ", ".join(map(os.fsdecode, config)),
    )
    for name, content in config.items():
        if _DATA_DIRECTORY.search(content):
            _log.warning(
                "%s sets data_directory: a server that is started with it runs on that"
                " directory, not on %s; take the line out before you start one",
                os.fsdecode(name),
                data.path,
            )


def _read_control(data: TargetTree) -> bytes:
    largest = 1 << 16
    *directory, name = split_path(STAGED_CONTROL)
    try:
        with data.directory(directory) as below:
            descriptor = open_file(below, name)
    except FileNotFoundError as error:
        raise DamagedError("global/pg_control is in no volume of the backup") from error
    with os.fdopen(descriptor, "rb") as file:
        return file.read(largest)


def _write(data: TargetTree, name: bytes, content: bytes) -> None:
    try:
        with new_file(data, os.fsdecode(name)) as file:
            file.write(content)
    except FileExistsError as error:
        raise DamagedError(f"{shown_path(name)} is twice in the backup") from error


class _Counted:
    """A source whose bytes are counted as they are read."""

    def __init__(self, source: ByteSource, advance: Callable[[int], None]) -> None:
        self._source = source
        self._advance = advance

    def read(self, size: int = -1, /) -> bytes:
        """Return what the source gives."""
        block = self._source.read(size)
        self._advance(len(block))
        return block
