"""What of a data directory a base backup leaves out, decided by names alone.

The rules are PostgreSQL's own (``src/backend/backup/basebackup.c``, excludeFiles,
excludeDirContents, sendDir; majors 13 to 18 agree but for .DS_Store, from 15 on), and
a few files that speak about this very copy of the cluster.  Names are bytes: the file
system knows no encoding.
"""

import re
from typing import Final

_LEFT_OUT: Final = frozenset(
    {
        b".DS_Store",
        b"backup_label",
        b"backup_manifest",
        b"current_logfiles.tmp",
        b"postgresql.auto.conf.tmp",
        b"postmaster.opts",
        b"postmaster.pid",
        b"tablespace_map",
    }
)
_LEFT_OUT_PREFIXES: Final = (b"pgsql_tmp", b"pg_internal.init")
_LEFT_OUT_SUFFIX: Final = b".cloudhoard-tmp"
"""Of files of ours that a killed command left unfinished; restore refuses them."""

_OF_THIS_COPY: Final = frozenset(
    {
        b"cloudhoard.restored",
        b"cloudhoard.restoring",
        b"recovery.signal",
        b"standby.signal",
    }
)
"""In the top directory only: how this copy was started, not what it holds."""

_EMPTIED: Final = frozenset(
    {
        b"pg_dynshmem",
        b"pg_notify",
        b"pg_replslot",
        b"pg_serial",
        b"pg_snapshots",
        b"pg_stat_tmp",
        b"pg_subtrans",
    }
)

_FORK_AND_SEGMENT: Final = rb"(?:_(fsm|vm|init))?(?:\.[0-9]+)?"
_RELATION: Final = re.compile(rb"([0-9]{1,10})" + _FORK_AND_SEGMENT)
_TEMPORARY_RELATION: Final = re.compile(rb"t[0-9]+_[0-9]+" + _FORK_AND_SEGMENT)
_DATABASE_DIRECTORY: Final = re.compile(rb"(?:base|(?:.*/)?PG_[0-9]+_[0-9]+)/[0-9]+")


def is_left_out(name: bytes, *, in_top_directory: bool) -> bool:
    """Whether nothing of that name is stored, be it a file or a directory."""
    return (
        name in _LEFT_OUT
        or name.startswith(_LEFT_OUT_PREFIXES)
        or name.endswith(_LEFT_OUT_SUFFIX)
        or (in_top_directory and name in _OF_THIS_COPY)
    )


def is_emptied(name: bytes) -> bool:
    """Whether a directory of that name is stored without what is in it.

    pg_replslot is among them: restored slots would hold back WAL for ever.
    """
    return name in _EMPTIED


def is_database_directory(path: bytes) -> bool:
    """Whether path, relative to its volume item, is where relations' files lie."""
    return _DATABASE_DIRECTORY.fullmatch(path) is not None


def is_temporary_relation(name: bytes) -> bool:
    """Whether a file of a database directory belongs to a temporary relation."""
    return _TEMPORARY_RELATION.fullmatch(name) is not None


def init_fork_of(name: bytes) -> bytes | None:
    """Return the file whose presence says that name's relation is unlogged.

    None when name is no relation's file, or an init fork: that one is always
    stored, recovery makes the others from it.
    """
    match = _RELATION.fullmatch(name)
    if match is None or match[2] == b"init":
        return None
    return match[1] + b"_init"
