"""Whom restored files belong to."""

import grp
import logging
import os
import pwd
from pathlib import Path

from cloudhoard.errors import UsageError
from cloudhoard.operations.target_tree import Owner

_log = logging.getLogger(__name__)


def choose_owner(text: str | None, target: Path) -> Owner | None:
    """Whom to give restored files to; None where they are ours already.

    text is ``USER``, ``USER:GROUP`` or None; users and groups may be numbers.  By
    default root gives the files to the owner of target, if that is somebody else than
    root, or of the nearest directory above it.

    Raises:
        UsageError: there is no such user or group, or we are not root and text names
            somebody else.
    """
    if text is None:
        return None if os.geteuid() != 0 else _warned(_default(target), target)
    owner = _parse(text)
    if os.geteuid() == 0:
        return _warned(owner, target)
    if owner.user_id != os.geteuid() or owner.group_id not in _groups():
        raise UsageError(
            f"only root can give files to {text!r}",
            hint="run the restore as that user, without --owner",
        )
    return owner if owner.group_id != os.getegid() else None


def _groups() -> set[int]:
    return {os.getegid(), *os.getgroups()}


def _default(target: Path) -> Owner:
    path = Path(os.path.realpath(target))
    if path.is_dir() and (found := path.stat()).st_uid != 0:
        return Owner(found.st_uid, found.st_gid)
    parent = next(above for above in path.parents if above.is_dir())
    found = parent.stat()
    return Owner(found.st_uid, found.st_gid)


def _warned(owner: Owner, target: Path) -> Owner:
    if owner.user_id == 0:
        _log.warning(
            "%s will belong to root, as whom PostgreSQL does not run; see --owner",
            target,
        )
    return owner


def _parse(text: str) -> Owner:
    user, colon, group = text.partition(":")
    user_id, group_id = _user(user)
    if colon:
        group_id = _group(group)
    if group_id is None:
        raise UsageError(f"user {user!r} has no group", hint="write USER:GROUP")
    return Owner(user_id, group_id)


def _user(text: str) -> tuple[int, int | None]:
    """A user's id, and the id of its group if it has an entry."""
    try:
        entry = pwd.getpwuid(int(text)) if _is_number(text) else pwd.getpwnam(text)
    except (KeyError, OverflowError, ValueError) as error:
        if _is_number(text) and isinstance(error, KeyError):
            return int(text), None
        raise UsageError(f"there is no user {text!r}") from error
    return entry.pw_uid, entry.pw_gid


def _group(text: str) -> int:
    try:
        return int(text) if _is_number(text) else grp.getgrnam(text).gr_gid
    except (KeyError, ValueError) as error:
        raise UsageError(f"there is no group {text!r}") from error


def _is_number(text: str) -> bool:
    most_digits = 10
    return text.isascii() and text.isdecimal() and len(text) <= most_digits
