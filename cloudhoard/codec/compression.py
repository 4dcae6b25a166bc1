"""A compression as it is chosen, and the streams that apply and undo it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Self

from cloudhoard.codec.algorithms import ALGORITHMS, Algorithm
from cloudhoard.codec.errors import Damaged, UnknownFormat
from cloudhoard.codec.stage import CompressingSink
from cloudhoard.errors import UsageError
from cloudhoard.streams import COPY_SIZE, ByteSink, ByteSource

_BY_EXTENSION: Final = {
    algorithm.extension: algorithm for algorithm in ALGORITHMS.values()
}

_LARGEST_GROWTH: Final = 2
"""Stored bytes for each plain byte that are believed: more are a trap, not a file."""
_SLACK: Final = 1 << 20


def known_extensions() -> tuple[str, ...]:
    """Return the extensions that can be read, each with its dot."""
    return tuple(extension for extension in _BY_EXTENSION if extension)


def check_readable(extension: str) -> None:
    """Return normally when what has this extension can be read on this machine.

    Raises:
        UnknownFormat: there is no algorithm for extension.
        UsageError: its library is not installed; the message names the package.
    """
    _algorithm_of(extension, "an object").stage()


def _algorithm_of(extension: str, name: str) -> Algorithm:
    algorithm = _BY_EXTENSION.get(extension)
    if algorithm is None:
        raise UnknownFormat(f"{name}: compression {extension} is not in this version")
    return algorithm


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

    def check(self) -> None:
        """Return normally when the algorithm's library is installed.

        Raises:
            UsageError: it is not; the message names the package.
        """
        ALGORITHMS[self.name].stage()

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
    stage = ALGORITHMS[compression.name].stage()
    compressing: CompressingSink = stage.open_sink(sink, compression.level)
    yield compressing
    compressing.finish()


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
        UsageError: its library is not installed.
    """
    algorithm = _algorithm_of(extension, name)
    if extension:
        # A file of empty members or of padding would never reach at_most.
        stored_at_most = _LARGEST_GROWTH * at_most + _SLACK
        source = _LimitedSource(source, stored_at_most, f"{name}, compressed,")
    opened = algorithm.stage().open_source(source, name)
    yield _LimitedSource(opened, at_most, name)


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
