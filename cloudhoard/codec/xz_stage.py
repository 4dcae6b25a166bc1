"""xz: one stream with a CRC64 written, any number of streams and padding read."""

import lzma
from typing import Final

from cloudhoard.codec.member_source import MemberFormat, MemberSource
from cloudhoard.codec.stage import CompressorSink, Stage
from cloudhoard.streams import ByteSink, ByteSource

_MOST_MEMORY: Final = 256 << 20
"""Bytes that decompressing may take; a stream of level 9 takes 65 MiB."""


def _open_member() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)


_FORMAT: Final = MemberFormat(
    name="xz", open_member=_open_member, errors=(lzma.LZMAError,), padding=4
)


def _open_sink(sink: ByteSink, level: int) -> CompressorSink:
    compressor = lzma.LZMACompressor(
        lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=level
    )
    return CompressorSink(sink, compressor)


def _open_source(source: ByteSource, name: str) -> ByteSource:
    return MemberSource(source, name, _FORMAT)


STAGE: Final = Stage(_open_sink, _open_source)
