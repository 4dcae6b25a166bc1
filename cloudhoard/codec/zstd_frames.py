"""Where zstd frames begin and end, found by their headers alone (RFC 8878, 3.1)."""

from collections.abc import Generator
from typing import Final

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE_MAGIC: Final = b"\x2a\x4d\x18"
"""The last three bytes of a skippable frame's magic; the first is 0x50 to 0x5f."""
_DICTIONARY_ID_SIZES: Final = (0, 1, 2, 4)
_CONTENT_SIZE_SIZES: Final = (0, 2, 4, 8)
_CHECKSUM_SIZE: Final = 4
_RLE_BLOCK: Final = 1
_RESERVED_BLOCK: Final = 3


class NotZstd(Exception):
    """The bytes are not zstd frames."""


class FrameWalker:
    """Steps over frames as their bytes come by, in pieces of any size."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._to_skip = 0
        self._is_between_frames = False
        self._steps = self._walk()
        self._wanted = next(self._steps)

    @property
    def is_at_frame_end(self) -> bool:
        """Whether all that came by is one whole frame, or several."""
        return self._is_between_frames and not self._header and not self._to_skip

    def feed(self, data: bytes) -> None:
        """Step over data.

        Raises:
            NotZstd: no zstd frame looks like this.
        """
        position = 0
        while position < len(data):
            if self._to_skip:
                skipped = min(self._to_skip, len(data) - position)
                self._to_skip -= skipped
                position += skipped
                continue
            missing = self._wanted - len(self._header)
            self._header += data[position : position + missing]
            position += missing
            if len(self._header) == self._wanted:
                header = bytes(self._header)
                self._header.clear()
                self._wanted = self._steps.send(header)

    def _walk(self) -> Generator[int, bytes, None]:
        """Yield how many bytes of a header are wanted, take them, and so on.

        What lies between two headers is set as _to_skip.
        """
        while True:
            magic = yield 4
            self._is_between_frames = False
            if magic == _MAGIC:
                yield from self._walk_frame()
            elif magic[1:] == _SKIPPABLE_MAGIC and magic[0] >> 4 == 5:  # noqa: PLR2004
                size = yield 4
                self._to_skip = int.from_bytes(size, "little")
            else:
                raise NotZstd
            self._is_between_frames = True

    def _walk_frame(self) -> Generator[int, bytes, None]:
        descriptor = (yield 1)[0]
        is_single_segment = bool(descriptor & 0x20)
        content_size = _CONTENT_SIZE_SIZES[descriptor >> 6]
        if is_single_segment:
            content_size = content_size or 1
        window = 0 if is_single_segment else 1
        self._to_skip = window + _DICTIONARY_ID_SIZES[descriptor & 3] + content_size
        is_last = False
        while not is_last:
            block = int.from_bytes((yield 3), "little")
            is_last = bool(block & 1)
            kind = block >> 1 & 3
            if kind == _RESERVED_BLOCK:
                raise NotZstd
            self._to_skip = 1 if kind == _RLE_BLOCK else block >> 3
        if descriptor & 4:
            self._to_skip += _CHECKSUM_SIZE
