"""The configuration files that lay outside the data directory."""

import os
from typing import Final

from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.domain.restored_path import split_path
from cloudhoard.domain.volume_list import BackupObject
from cloudhoard.errors import DamagedError
from cloudhoard.operations.hashed_source import HashedSource, named_error
from cloudhoard.operations.read_stored_backup import StoredBackup, missing_object
from cloudhoard.operations.tar_reader import TarReader
from cloudhoard.operations.target_tree import TargetTree, TreeWriter
from cloudhoard.storage.errors import ObjectNotFound
from cloudhoard.storage.protocol import ReadableStorage
from cloudhoard.streams import ByteSource

_LARGEST_CONFIG: Final = 64 << 20
"""Bytes of the tar; configuration is text that people write."""


def restore_config(
    storage: ReadableStorage,
    stored: StoredBackup,
    decoding: Decoding,
    tree: TargetTree,
) -> None:
    """Unpack the backup's configuration files below tree, durably.

    The manifest does not have them: their hash is that of the whole object, which is
    proved before the first file is made.

    Raises:
        DamagedError: the object is missing, not what was stored, or holds what no
            backup holds.
    """
    config = stored.volumes.config
    if config is None:
        return
    if config.plain_size > _LARGEST_CONFIG:
        raise DamagedError(f"{config.name} claims to hold {config.plain_size} bytes")
    key = stored.volumes.key_of(config)
    try:
        _read(storage, stored, decoding, config, None)
        with TreeWriter(tree) as writer:
            _read(storage, stored, decoding, config, writer)
    except ObjectNotFound as error:
        raise missing_object(key) from error
    except DamagedError as error:
        raise named_error(error, key) from error
    tree.fsync_directories()


def _read(
    storage: ReadableStorage,
    stored: StoredBackup,
    decoding: Decoding,
    config: BackupObject,
    writer: TreeWriter | None,
) -> None:
    """Read the object to its end, with a writer putting its files in place."""
    key = stored.volumes.key_of(config)
    with storage.open_read(key) as source:
        hashed = HashedSource(source, key)
        with decoded(
            hashed,
            config.codec,
            decoding,
            name=key,
            system_identifier=stored.system_identifier,
            at_most=config.plain_size,
        ) as plain:
            _unpack(plain, writer)
        hashed.check(config.stored_sha256)


def _unpack(source: ByteSource, writer: TreeWriter | None) -> None:
    reader = TarReader(source)
    while (member := reader.next_member()) is not None:
        pieces = reader.content(member)
        if member.is_directory:
            if writer is not None and member.name != b".":
                writer.make_directory(split_path(member.name.removeprefix(b"./")))
            continue
        components = split_path(member.name.removeprefix(b"./"))
        content = b"".join(pieces)
        if writer is not None:
            _write(writer.create_file(components), content)


def _write(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
