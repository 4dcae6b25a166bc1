"""zstd: one frame with a checksum written, any number of frames read."""

from typing import IO, Final, cast

import zstandard

from cloudhoard.codec.errors import CutShort, Damaged
from cloudhoard.codec.stage import Stage
from cloudhoard.codec.zstd_frames import FrameWalker, NotZstd
from cloudhoard.streams import COPY_SIZE, ByteSink, BytesLike, ByteSource

_OUTPUT_SIZE: Final = 1 << 20
"""Bytes handed on at a time: the size of an encrypted object's chunk."""
_INPUT_SIZE: Final = 256 << 10
_LARGEST_WINDOW: Final = 1 << 27
"""What zstd's own command line accepts, and barman."""


class ZstdSink:
    """Compresses into one frame with a checksum; its window log is at most 27."""

    def __init__(self, sink: ByteSink, level: int) -> None:
        self._sink = sink
        compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
        self._chunker = compressor.chunker(chunk_size=_OUTPUT_SIZE)

    def write(self, data: BytesLike, /) -> int:
        """Take all of data and return its length."""
        for block in self._chunker.compress(data):
            self._sink.write(block)
        return len(data)

    def finish(self) -> None:
        """Write the end of the frame."""
        for block in self._chunker.finish():  # type: ignore[no-untyped-call]  # theirs
            self._sink.write(block)


class ZstdSource:
    """Decompresses one frame after the other, to the end of the source."""

    def __init__(self, source: ByteSource, name: str) -> None:
        self._walked = _WalkedSource(source)
        self._name = name
        decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        self._reader = decompressor.stream_reader(
            cast("IO[bytes]", self._walked),
            read_size=_INPUT_SIZE,
            read_across_frames=True,
        )

    def read(self, size: int = -1, /) -> bytes:
        """Return at most size bytes; b"" only behind the end of a whole frame.

        Raises:
            CutShort, Damaged: as their names say.
        """
        try:
            block: bytes = self._reader.read(min(size, COPY_SIZE) if size >= 0 else -1)
        except (zstandard.ZstdError, NotZstd) as error:
            raise Damaged(f"{self._name} is damaged: not what zstd writes") from error
        if not block and size != 0 and not self._walked.is_at_frame_end():
            raise CutShort(f"{self._name} is cut short or added to: zstd has no end")
        return block


class _WalkedSource:
    """A source of which it is known whether a frame ended where it ended.

    The library takes a frame that breaks off for one that ends.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._walker = FrameWalker()

    def read(self, size: int = -1, /) -> bytes:
        block = self._source.read(size)
        self._walker.feed(block)
        return block

    def is_at_frame_end(self) -> bool:
        return self._walker.is_at_frame_end


STAGE: Final = Stage(ZstdSink, ZstdSource)
