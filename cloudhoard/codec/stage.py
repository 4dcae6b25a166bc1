"""What every compression has to offer: a stage that applies it, one that undoes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cloudhoard.streams import ByteSink, BytesLike, ByteSource


class CompressingSink(ByteSink, Protocol):
    """A sink whose content has an end of its own."""

    def finish(self) -> None:
        """Write the end of the compressed stream; nothing may be written after."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Both directions of one compression."""

    open_sink: Callable[[ByteSink, int], CompressingSink]
    """Takes where the compressed bytes go, and the level."""
    open_source: Callable[[ByteSource, str], ByteSource]
    """Takes the compressed source, and its name for messages."""


class Compressor(Protocol):
    """What the libraries' streaming compressors have in common."""

    def compress(self, data: bytes, /) -> bytes:
        """Take data; return what there is of the compressed bytes."""

    def flush(self) -> bytes:
        """Return the rest, with the stream's end."""


class CompressorSink:
    """Pushes what a library's compressor makes of the bytes into a sink."""

    def __init__(self, sink: ByteSink, compressor: Compressor) -> None:
        self._sink = sink
        self._compressor = compressor

    def write(self, data: BytesLike, /) -> int:
        """Take all of data and return its length."""
        # The libraries take any buffer; their stubs do not agree on what to call it.
        if block := self._compressor.compress(data):  # type: ignore[arg-type]
            self._sink.write(block)
        return len(data)

    def finish(self) -> None:
        """Write the end of the stream."""
        self._sink.write(self._compressor.flush())
