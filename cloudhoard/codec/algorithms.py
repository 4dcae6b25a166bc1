"""The one table of compressions: what is not in it cannot be chosen, nor be read.

An algorithm's library is imported when it is first used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from cloudhoard.codec.stage import Stage
from cloudhoard.errors import UsageError
from cloudhoard.streams import ByteSink


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One way to compress: its name, its file extension, its stages."""

    name: str
    extension: str
    """What object names end in, with the dot; empty when nothing is compressed."""
    levels: tuple[int, int] = (0, 0)
    """Lowest and highest level; others are taken as the nearest of these."""
    named_levels: Mapping[str, int] = field(default_factory=dict)
    """What low, medium and high stand for; the same numbers as barman's."""
    default_level: int = 0
    load: Callable[[], Stage]
    """Imports the library; ``stage`` is what explains an ImportError."""
    package: str = ""
    """What to install for it; empty when Python has it."""
    bound: Callable[[int], int]
    """The largest compressed size in bytes of so many plain bytes."""

    def stage(self) -> Stage:
        """Return how to apply and undo it.

        Raises:
            UsageError: its library is not installed.
        """
        try:
            return self.load()
        except ImportError as error:
            package = self.package or f"Python's own module for {self.name}"
            raise UsageError(
                f"compression {self.name} needs {package}, which is not installed"
                f" ({error})",
                hint=f"pip install {self.package}"
                if self.package
                else "install all of Python's standard library",
            ) from error


class _PassThrough:
    """A sink that changes nothing and has no end."""

    def __init__(self, sink: ByteSink, _level: int) -> None:
        self.write = sink.write

    def finish(self) -> None:
        return


def _none() -> Stage:
    return Stage(_PassThrough, lambda source, _name: source)


def _gzip() -> Stage:
    from cloudhoard.codec.gzip_stage import STAGE  # noqa: PLC0415 - on demand

    return STAGE


def _bzip2() -> Stage:
    from cloudhoard.codec.bzip2_stage import STAGE  # noqa: PLC0415 - on demand

    return STAGE


def _xz() -> Stage:
    from cloudhoard.codec.xz_stage import STAGE  # noqa: PLC0415 - on demand

    return STAGE


def _snappy() -> Stage:
    from cloudhoard.codec.snappy_stage import STAGE  # noqa: PLC0415 - on demand

    return STAGE


def _zstd() -> Stage:
    from cloudhoard.codec.zstd_stage import STAGE  # noqa: PLC0415 - on demand

    return STAGE


def _lz4() -> Stage:
    from cloudhoard.codec.lz4_stage import STAGE  # noqa: PLC0415 - on demand

    return STAGE


def _levels(low: int, medium: int, high: int) -> Mapping[str, int]:
    return MappingProxyType({"low": low, "medium": medium, "high": high})


_HEADERS: Final = 1024
"""More than the headers and trailers of any of the formats."""


def _bound_in(shift: int) -> Callable[[int], int]:
    """Bounds of formats that store what does not compress: a part is added."""
    return lambda plain_size: plain_size + (plain_size >> shift) + _HEADERS


_TABLE: Final = (
    Algorithm(name="none", extension="", load=_none, bound=lambda size: size),
    Algorithm(
        name="gzip",
        extension=".gz",
        levels=(1, 9),
        named_levels=_levels(1, 6, 9),
        default_level=6,
        load=_gzip,
        bound=_bound_in(10),  # 5 bytes for each 16 KiB
    ),
    Algorithm(
        name="bzip2",
        extension=".bz2",
        levels=(1, 9),
        named_levels=_levels(1, 5, 9),
        default_level=5,
        load=_bzip2,
        bound=_bound_in(6),  # 1 % and 600 bytes, says its manual
    ),
    Algorithm(
        name="xz",
        extension=".xz",
        levels=(1, 9),
        named_levels=_levels(1, 3, 5),
        default_level=3,
        load=_xz,
        bound=_bound_in(10),  # 3 bytes for each 64 KiB
    ),
    Algorithm(
        name="snappy",
        extension=".snappy",
        load=_snappy,
        package="cramjam",
        bound=_bound_in(10),  # 8 bytes for each 64 KiB
    ),
    Algorithm(
        name="zstd",
        extension=".zst",
        levels=(-22, 22),
        named_levels=_levels(1, 4, 9),
        default_level=3,
        load=_zstd,
        package="zstandard",
        # ZSTD_COMPRESSBOUND of zstd.h, and room for what streaming adds to it: a
        # block header for each write.
        bound=_bound_in(8),
    ),
    Algorithm(
        name="lz4",
        extension=".lz4",
        levels=(0, 16),
        named_levels=_levels(0, 6, 10),
        default_level=0,
        load=_lz4,
        package="lz4",
        bound=_bound_in(10),  # 4 bytes for each MiB
    ),
)

ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {algorithm.name: algorithm for algorithm in _TABLE}
)
"""Every compression that can be chosen, by its name."""
