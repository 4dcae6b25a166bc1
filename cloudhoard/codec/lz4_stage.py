"""lz4's frame format: one frame with a checksum written, any number of frames read."""

from typing import Final

import lz4.frame  # type: ignore[import-untyped]

from cloudhoard.codec.member_source import MemberFormat, MemberSource
from cloudhoard.codec.stage import CompressorSink, Stage
from cloudhoard.streams import ByteSink, ByteSource


class _Lz4Frame:
    """One frame being written: its header goes out with the first bytes."""

    def __init__(self, level: int) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor(
            block_size=lz4.frame.BLOCKSIZE_MAX1MB,
            compression_level=level,
            content_checksum=True,
        )
        self._header: bytes = self._compressor.begin()

    def compress(self, data: bytes, /) -> bytes:
        block: bytes = self._compressor.compress(data)
        return self._after_header(block)

    def flush(self) -> bytes:
        block: bytes = self._compressor.flush()
        return self._after_header(block)

    def _after_header(self, block: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + block if header else block


_FORMAT: Final = MemberFormat(
    name="lz4",
    open_member=lz4.frame.LZ4FrameDecompressor,
    errors=(RuntimeError,),
)


def _open_sink(sink: ByteSink, level: int) -> CompressorSink:
    return CompressorSink(sink, _Lz4Frame(level))


def _open_source(source: ByteSource, name: str) -> ByteSource:
    return MemberSource(source, name, _FORMAT)


STAGE: Final = Stage(_open_sink, _open_source)
