"""Whether this machine can decompress what a restore is going to meet."""

import logging
from collections.abc import Iterable

from cloudhoard.codec.compression import check_readable, known_extensions
from cloudhoard.codec.encoding import ENCRYPTED
from cloudhoard.errors import UsageError

_log = logging.getLogger(__name__)


def check_codecs(suffixes: Iterable[str]) -> None:
    """Refuse a restore that would fail for want of a library; warn for its WAL.

    suffixes are those of the objects to be read.

    Raises:
        UsageError: the library of one of the volumes' compressions is not installed.
    """
    needed = {suffix.removesuffix(ENCRYPTED) for suffix in suffixes}
    for extension in sorted(needed):
        check_readable(extension)
    for extension in known_extensions():
        try:
            check_readable(extension)
        except UsageError as error:
            _log.warning("WAL stored as %s cannot be restored: %s", extension, error)
