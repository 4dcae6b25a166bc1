"""What to do about objects that have the name of a WAL file already."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.domain.wal_file import WalFileKind
from cloudhoard.errors import DamagedError, OperationFailed
from cloudhoard.operations.local_wal import LocalWal
from cloudhoard.operations.wal_variants import StoredWal
from cloudhoard.storage.protocol import ReadableStorage
from cloudhoard.streams import COPY_SIZE, ByteSource

_LARGEST_SEGMENT: Final = 1 << 30

_log = logging.getLogger(__name__)


class WalConflict(OperationFailed):
    """The name is taken, and not, or not provably, by the same content."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing an object with a local file."""

    is_same: bool | None
    """None when this host cannot tell."""
    stored_digest: str = ""
    local_digest: str = ""


@dataclass(frozen=True, slots=True)
class WalComparer:
    """Compares objects of the archive with one local WAL file."""

    storage: ReadableStorage
    wal: LocalWal
    decoding: Decoding
    digest_key_file: Path | None

    def require_same(self, found: Iterable[StoredWal]) -> None:
        """Return normally when the objects found hold the same bytes as the file.

        Raises:
            WalConflict: one of them holds others, or none can be compared.
            DamagedError: one of them is not sound.
        """
        compared = [(stored, self.compare(stored)) for stored in found]
        for stored, comparison in compared:
            if comparison.is_same is False:
                raise self._conflict(stored, comparison)
        if not any(comparison.is_same for _, comparison in compared):
            raise WalConflict(
                f"{compared[0][0].key} is in {self.storage.location} already, and this"
                " host cannot tell whether its content is the same",
                hint="give --digest-key, or this once --private-key",
            )

    def any_is_same(self, found: Iterable[StoredWal]) -> bool:
        """Whether one of the objects holds the same bytes; a damaged one does not."""
        for stored in found:
            try:
                if self.compare(stored).is_same:
                    return True
            except DamagedError as error:
                _log.warning("%s", error)
        return False

    def compare(self, stored: StoredWal) -> Comparison:
        """Read the object whole, with every check it carries, and compare.

        An encrypted one is compared by the digest it carries, or else decrypted; one
        that allows neither leaves the question open.

        Raises:
            DamagedError: the object is not sound.
        """
        if not stored.is_encrypted:
            return self._compare_content(stored, Decoding(accept_plain=True))
        return self._compare_encrypted(stored)

    def _compare_encrypted(self, stored: StoredWal) -> Comparison:
        # Imported here, as unencrypted archives do without.
        from cloudhoard.codec.container_reader import check_stored  # noqa: PLC0415
        from cloudhoard.operations.wal_attributes import (  # noqa: PLC0415
            find_digest_key,
        )

        with self.storage.open_read(stored.key) as source:
            header = check_stored(source, name=stored.key)
        if header.name != stored.key:
            raise DamagedError(f"{stored.key} was stored under another name")
        digest = header.attributes.get("digest")
        digest_key = find_digest_key(self.wal, self.digest_key_file)
        if digest_key is not None and isinstance(digest, str):
            self.wal.content.seek(0)
            if digest_key.matches(digest, self.wal.content):
                return Comparison(is_same=True)
            return Comparison(
                is_same=False,
                stored_digest=digest,
                local_digest="another under the same nonce",
            )
        if self.decoding.private_keys:
            return self._compare_content(stored, self.decoding)
        return Comparison(is_same=None)

    def _compare_content(self, stored: StoredWal, decoding: Decoding) -> Comparison:
        with (
            self.storage.open_read(stored.key) as source,
            decoded(
                source,
                stored.suffix,
                decoding,
                name=stored.key,
                system_identifier=self.wal.system_identifier,
                at_most=_LARGEST_SEGMENT,
            ) as content,
        ):
            theirs = _sha256(content)
        self.wal.content.seek(0)
        ours = _sha256(self.wal.content)
        return Comparison(theirs == ours, f"SHA-256 {theirs}", ours)

    def _conflict(self, stored: StoredWal, comparison: Comparison) -> WalConflict:
        if self.wal.file.kind is WalFileKind.HISTORY:
            what = f"another server has taken timeline {self.wal.file.timeline} there"
        else:
            what = "another server of the same cluster may write there"
        return WalConflict(
            f"{stored.key} is in {self.storage.location} already with other content"
            f" (stored: {comparison.stored_digest}, local: {comparison.local_digest})",
            hint=f"{what}; give this one a new SERVER_NAME and take a new backup",
        )


def _sha256(source: ByteSource) -> str:
    digest = hashlib.sha256()
    while block := source.read(COPY_SIZE):
        digest.update(block)
    return digest.hexdigest()
