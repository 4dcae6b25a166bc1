"""A tar of barman-cloud's onto the disk: there is nothing to compare its files with."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cloudhoard.domain.barman_backup import BarmanVolume
from cloudhoard.domain.restored_path import shown_path
from cloudhoard.errors import DamagedError, InvalidFormat
from cloudhoard.operations.barman_findings import LARGEST_HELD, Findings
from cloudhoard.operations.barman_members import MemberRules, Treatment
from cloudhoard.operations.tar_reader import TarMember, TarReader
from cloudhoard.operations.volume_place import TreePlace
from cloudhoard.streams import ByteSource

_FSYNC_EVERY: Final = 10_000
"""Files: their names are remembered until then, and a volume may hold millions."""
_MOST_DIRECTORIES: Final = 1_000_000
_TOP: Final = b"."


@dataclass(frozen=True, slots=True)
class BarmanUnpacker:
    """How one volume is unpacked."""

    volume: BarmanVolume
    place: TreePlace
    rules: MemberRules
    findings: Findings

    def unpack(self, source: ByteSource) -> None:
        """Write the files of the volume durably; source is read to its end.

        Raises:
            DamagedError: the tar is not whole, or holds what no backup holds.
            OperationFailed: it holds a link, which findings do not pass over.
        """
        reader = TarReader(source, links=True)
        directories = files = 0
        while (member := reader.next_member()) is not None:
            if member.is_directory:
                directories += 1
                self._make_directory(member.name)
            elif member.link is not None:
                self._pass_over(member)
            else:
                files += 1
                self._take_file(reader, member)
            if directories > _MOST_DIRECTORIES:
                raise InvalidFormat(f"more than {_MOST_DIRECTORIES} directories")
            if files % _FSYNC_EVERY == 0:
                self.place.fsync()
        self.place.fsync()

    def _make_directory(self, name: bytes) -> None:
        if name == _TOP:
            return
        name = name.removeprefix(b"./")
        if self._treatment(name) is Treatment.RESTORE:
            self.place.make_directory(name)

    def _pass_over(self, member: TarMember) -> None:
        name = member.name.removeprefix(b"./")
        if self._treatment(name) is not Treatment.LEAVE_OUT:
            self.findings.link(self.volume, name, member.link or "")

    def _take_file(self, reader: TarReader, member: TarMember) -> None:
        name = member.name.removeprefix(b"./")
        content = reader.content(member)
        match self._treatment(name):
            case Treatment.LEAVE_OUT:
                for _ in content:
                    pass
            case Treatment.HOLD:
                if member.size > LARGEST_HELD:
                    raise DamagedError(f"{shown_path(name)} has {member.size} bytes")
                self.findings.hold(name, self.volume, b"".join(content))
            case Treatment.RESTORE:
                _write(self.place.create_file(name), content)
                self.findings.count(member.size)

    def _treatment(self, name: bytes) -> Treatment:
        return self.rules.treatment(self.volume.item, name)


def _write(descriptor: int, pieces: Iterator[memoryview]) -> None:
    try:
        for piece in pieces:
            rest = piece
            while rest:
                rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)
