"""bzip2: one stream written, any number of streams read; the format has CRCs."""

import bz2
from typing import Final

from cloudhoard.codec.member_source import MemberFormat, MemberSource
from cloudhoard.codec.stage import CompressorSink, Stage
from cloudhoard.streams import ByteSink, ByteSource

_FORMAT: Final = MemberFormat(
    name="bzip2", open_member=bz2.BZ2Decompressor, errors=(OSError, ValueError)
)


def _open_sink(sink: ByteSink, level: int) -> CompressorSink:
    return CompressorSink(sink, bz2.BZ2Compressor(level))


def _open_source(source: ByteSource, name: str) -> ByteSource:
    return MemberSource(source, name, _FORMAT)


STAGE: Final = Stage(_open_sink, _open_source)
