"""gzip (RFC 1952): one member with its CRC written, any number of members read."""

import zlib
from typing import Final

from cloudhoard.codec.member_source import MemberFormat, MemberSource
from cloudhoard.codec.stage import CompressorSink, Stage
from cloudhoard.streams import ByteSink, BytesLike, ByteSource

_GZIP: Final = 16 + zlib.MAX_WBITS
"""Makes zlib write and check gzip's header and trailer, and nothing else's."""


class _GzipMember:
    """One member, in the manner of bz2's and lzma's decompressors."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: BytesLike, max_length: int) -> bytes:
        return self._decoder.decompress(
            data or self._decoder.unconsumed_tail, max_length
        )


_FORMAT: Final = MemberFormat(
    name="gzip", open_member=_GzipMember, errors=(zlib.error,)
)


def _open_sink(sink: ByteSink, level: int) -> CompressorSink:
    return CompressorSink(sink, zlib.compressobj(level, zlib.DEFLATED, _GZIP))


def _open_source(source: ByteSource, name: str) -> ByteSource:
    return MemberSource(source, name, _FORMAT)


STAGE: Final = Stage(_open_sink, _open_source)
