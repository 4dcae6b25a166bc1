"""Which compressions there are, and the stages that apply and undo them.

``ALGORITHMS`` is the one table: what is not in it cannot be chosen and cannot be
read. An algorithm's library is imported when it is first used.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, Self

from cloudhoard.codec.errors import Damaged, UnknownFormat
from cloudhoard.errors import UsageError
from cloudhoard.streams import COPY_SIZE, ByteSink, ByteSource


class CompressingSink(ByteSink, Protocol):
    """A sink whose content has an end of its own."""

    def finish(self) -> None:
        """Write the end of the compressed stream; nothing may be written after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One way to compress: its name, its file extension, its stages."""

    name: str
    extension: str
    """What object names end in, with the dot; empty when nothing is compressed."""
    levels: tuple[int, int]
    """Lowest and highest level; others are taken as the nearest of these."""
    named_levels: Mapping[str, int]
    """What low, medium and high stand for; the same numbers as barman's."""
    default_level: int
    open_sink: Callable[[ByteSink, int], CompressingSink]
    open_source: Callable[[ByteSource, str], ByteSource]
    """Takes the compressed source, and its name for messages."""
    bound: Callable[[int], int]
    """The largest compressed size in bytes of so many plain bytes."""


class _PassThrough:
    """A sink that changes nothing and has no end."""

    def __init__(self, sink: ByteSink, _level: int) -> None:
        self.write = sink.write

    def finish(self) -> None:
        return


def _open_zstd_sink(sink: ByteSink, level: int) -> CompressingSink:
    from cloudhoard.codec.zstd_stage import ZstdSink  # noqa: PLC0415 - on demand

    return ZstdSink(sink, level)


def _open_zstd_source(source: ByteSource, name: str) -> ByteSource:
    from cloudhoard.codec.zstd_stage import ZstdSource  # noqa: PLC0415 - on demand

    return ZstdSource(source, name)


def _zstd_bound(plain_size: int) -> int:
    # ZSTD_COMPRESSBOUND of zstd.h, and room for what streaming adds to it: a block
    # header for each write, the frame header, the checksum.
    return plain_size + (plain_size >> 8) + 1024


_TABLE: Final = (
    Algorithm(
        name="none",
        extension="",
        levels=(0, 0),
        named_levels=MappingProxyType({}),
        default_level=0,
        open_sink=_PassThrough,
        open_source=lambda source, _name: source,
        bound=lambda plain_size: plain_size,
    ),
    Algorithm(
        name="zstd",
        extension=".zst",
        levels=(-22, 22),
        named_levels=MappingProxyType({"low": 1, "medium": 4, "high": 9}),
        default_level=3,
        open_sink=_open_zstd_sink,
        open_source=_open_zstd_source,
        bound=_zstd_bound,
    ),
)

ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {algorithm.name: algorithm for algorithm in _TABLE}
)
"""Every compression that can be chosen, by its name."""

_BY_EXTENSION: Final = {algorithm.extension: algorithm for algorithm in _TABLE}

_LATER: Final = frozenset({"gzip", "bzip2", "xz", "snappy", "lz4"})
"""Names that the command line has, for which there is no algorithm yet."""


def known_extensions() -> tuple[str, ...]:
    """Return the extensions that can be read, each with its dot."""
    return tuple(extension for extension in _BY_EXTENSION if extension)


@dataclass(frozen=True, slots=True)
class Compression:
    """An algorithm and how hard it tries."""

    name: str
    level: int

    def __post_init__(self) -> None:
        if self.name not in ALGORITHMS:
            raise UsageError(
                f"compression {self.name!r} is not known",
                hint=f"choose one of {', '.join(ALGORITHMS)}",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``NAME`` or ``NAME:LEVEL``, as ``zstd:3`` or ``zstd:high``.

        A level out of range means the nearest there is, as with barman-cloud.

        Raises:
            UsageError: there is no such algorithm or level.
        """
        name, separator, level = text.partition(":")
        if name in _LATER:
            raise UsageError(
                f"compression {name} is not in this version",
                hint=f"choose one of {', '.join(ALGORITHMS)}",
            )
        if name not in ALGORITHMS:
            return cls(name, 0)  # says so
        algorithm = ALGORITHMS[name]
        if not separator:
            return cls(name, algorithm.default_level)
        return cls(name, _parse_level(algorithm, level))

    @property
    def extension(self) -> str:
        """What the names of compressed objects end in: ``.zst``, or nothing."""
        return ALGORITHMS[self.name].extension

    def bound(self, plain_size: int) -> int:
        """Return the largest size in bytes that plain_size bytes can end up with."""
        return ALGORITHMS[self.name].bound(plain_size)

    def __str__(self) -> str:
        return self.name if self.name == "none" else f"{self.name}:{self.level}"


def _parse_level(algorithm: Algorithm, text: str) -> int:
    lowest, highest = algorithm.levels
    if lowest == highest:
        raise UsageError(
            f"compression {algorithm.name} has no levels",
            hint=f"leave out :{text}, or choose another compression",
        )
    if text in algorithm.named_levels:
        return algorithm.named_levels[text]
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):  # noqa: PLR2004 - any number anyone means is shorter
        raise UsageError(
            f"compression level {text!r} is not low, medium, high or a number",
            hint=f"{algorithm.name} has {lowest} to {highest}",
        )
    return min(max(int(text), lowest), highest)


@contextmanager
def compressed(sink: ByteSink, compression: Compression) -> Iterator[ByteSink]:
    """Push what is written, compressed, into sink.

    The stream's end is written when the block is left normally, and only then: after
    an exception sink holds a stream without an end, on purpose.
    """
    stage = ALGORITHMS[compression.name].open_sink(sink, compression.level)
    yield stage
    stage.finish()


@contextmanager
def decompressed(
    source: ByteSource, extension: str, *, at_most: int, name: str = "the object"
) -> Iterator[ByteSource]:
    """Read what source holds, decompressed, but never more than at_most bytes.

    Reading to b"" proves that the stream ends where it must. name is for messages.

    Raises, when read:
        CutShort: the stream ends too early.
        Damaged: it is not what its extension says, or longer than at_most.

    Raises:
        UnknownFormat: there is no algorithm for extension.
    """
    algorithm = _BY_EXTENSION.get(extension)
    if algorithm is None:
        raise UnknownFormat(f"{name}: compression {extension} is not in this version")
    yield _LimitedSource(algorithm.open_source(source, name), at_most, name)


class _LimitedSource:
    """A source that is an error as soon as it gives more than so many bytes."""

    def __init__(self, source: ByteSource, at_most: int, name: str) -> None:
        self._source = source
        self._at_most = at_most
        self._left = at_most
        self._name = name

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(COPY_SIZE), b""))
        # One byte more than allowed is what tells too long from just right.
        block = self._source.read(min(size, self._left + 1))
        if len(block) > self._left:
            raise Damaged(
                f"{self._name} holds more than the {self._at_most} bytes it may have"
            )
        self._left -= len(block)
        return block
