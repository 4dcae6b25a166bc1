"""Reading compressed files that are members one behind the other.

gzip, bzip2, xz and lz4 allow that, and their programs write it; what a library's
decompressor knows is one member.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from cloudhoard.codec.errors import CutShort, Damaged
from cloudhoard.streams import COPY_SIZE, BytesLike, ByteSource

_INPUT_SIZE: Final = 256 << 10
_FIRST_PIECE: Final = 1 << 10
"""Bytes that a new member is given first, then twice as many each time: what it does
not need is copied, and a file may consist of tiny members."""


class MemberDecoder(Protocol):
    """A decompressor of one member, as bz2, lzma and lz4 have it."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended, with its checksum."""

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to get out of the input so far."""

    @property
    def unused_data(self) -> bytes | None:
        """Input that lies behind the member's end."""

    def decompress(self, data: BytesLike, max_length: int) -> bytes:
        """Take more input; return at most max_length bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFormat:
    """A format whose files are one or several members."""

    name: str
    open_member: Callable[[], MemberDecoder]
    errors: tuple[type[Exception], ...]
    """What the library raises at input that is not of the format."""
    padding: int = 0
    """Zero bytes may follow a member, in multiples of so many; 0: they may not."""


class MemberSource:
    """Decompresses one member after the other, to the end of the source."""

    def __init__(self, source: ByteSource, name: str, form: MemberFormat) -> None:
        self._source = source
        self._name = name
        self._form = form
        self._input = memoryview(b"")
        self._position = 0
        self._piece = _FIRST_PIECE
        self._member: MemberDecoder | None = None
        self._has_members = False

    def read(self, size: int = -1, /) -> bytes:
        """Return at most size bytes; b"" only behind the end of a whole member.

        Raises:
            CutShort, Damaged: as their names say.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(COPY_SIZE), b""))
        if size == 0:
            return b""
        while self._member is not None or self._open_next():
            if block := self._step(min(size, COPY_SIZE)):
                return block
        return b""

    def _open_next(self) -> bool:
        """Begin the next member; False where there is none."""
        if self._has_members and self._form.padding:
            self._skip_padding()
        if not self._fill():
            if not self._has_members:
                raise self._cut_short()
            return False
        self._has_members = True
        self._piece = _FIRST_PIECE
        self._member = self._form.open_member()
        return True

    def _step(self, limit: int) -> bytes:
        """Return what comes next out of the open member, b"" at its end for one."""
        member = self._member
        assert member is not None  # noqa: S101 - for the type checker
        data: BytesLike = b""
        if member.needs_input:
            if not self._fill():
                raise self._cut_short()
            data = self._input[self._position : self._position + self._piece]
            self._position += len(data)
            self._piece = min(2 * self._piece, _INPUT_SIZE)
        try:
            block = member.decompress(data, limit)
        except self._form.errors as error:
            raise self._damaged(str(error).lower()) from error
        if member.eof:
            # Input is given only when asked for, so it is the last piece's end.
            self._position -= len(member.unused_data or b"")
            self._member = None
        return block

    def _fill(self) -> bool:
        """Have some input; False where the source has ended."""
        if self._position == len(self._input):
            self._input = memoryview(self._source.read(_INPUT_SIZE))
            self._position = 0
        return len(self._input) > 0

    def _skip_padding(self) -> None:
        zeros = 0
        while self._fill() and self._input[self._position] == 0:
            rest = bytes(self._input[self._position :])
            found = len(rest) - len(rest.lstrip(b"\0"))
            self._position += found
            zeros += found
        if zeros % self._form.padding:
            raise self._damaged("what follows its end is not padding")

    def _cut_short(self) -> CutShort:
        return CutShort(f"{self._name} is cut short: {self._form.name} has no end")

    def _damaged(self, reason: str) -> Damaged:
        return Damaged(
            f"{self._name} is damaged: not what {self._form.name} writes ({reason})"
        )
