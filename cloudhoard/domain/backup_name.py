"""Names for backups: given with --name, and the words that stand for one of them."""

from typing import Final

from cloudhoard.domain.archive_layout import is_backup_id
from cloudhoard.errors import UsageError

NEWEST_WORDS: Final = frozenset({"latest", "last", "latest-full", "last-full"})
OLDEST_WORDS: Final = frozenset({"oldest", "first"})
NEWEST_FAILED_WORD: Final = "last-failed"
AUTOMATIC_WORD: Final = "auto"
"""Lets restore choose by its target; stands for no backup anywhere else."""

_RESERVED: Final = NEWEST_WORDS | OLDEST_WORDS | {NEWEST_FAILED_WORD, AUTOMATIC_WORD}
_LONGEST: Final = 255
_NOT_KNOWN: Final = "None"  # how backup.info writes that there is no name


def check_backup_name(text: str) -> str:
    """Return text where it can be the name of a backup.

    Raises:
        UsageError: it is empty, too long, has unprintable characters or blanks at an
            end, looks like a backup id, or stands for something else.
    """
    if not text or not text.isprintable() or text != text.strip():
        raise UsageError(f"{text!r} is not a name for a backup")
    if len(text) > _LONGEST:
        raise UsageError(f"a backup's name has at most {_LONGEST} characters")
    if is_backup_id(text) or text in _RESERVED or text == _NOT_KNOWN:
        raise UsageError(
            f"{text!r} cannot be the name of a backup: it stands for something else"
        )
    return text
