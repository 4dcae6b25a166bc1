"""Where each thing of an archive lives: object keys, and back from key to thing.

Keys are relative to ``<url>/<server>/``. The tree is barman-cloud's, with our own
objects beside its own under names that it passes over (docs/format.md).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cloudhoard.errors import UsageError

EXTENSIONS: Final = (".gz", ".bz2", ".xz", ".snappy", ".zst", ".lz4")
"""Extensions of compressed objects; no extension means stored as it is."""

ENCRYPTED: Final = ".enc"
"""Comes after the extension of the compression."""

IDENTITY_KEY: Final = "cloudhoard/archive.json"
WAL_PREFIX: Final = "wals/"
BACKUPS_PREFIX: Final = "base/"
PARTIAL_PREFIX: Final = "cloudhoard/partial/"
CLOCK_PREFIX: Final = "cloudhoard/clock/"
"""Objects that somebody has stored to learn what time it is in the store."""

WITNESSES: Final = (IDENTITY_KEY, WAL_PREFIX)
"""One of these shows that what we see is an archive, not an unmounted directory."""

DATA_ITEM: Final = "data"
"""The item whose volumes hold the data directory; the others are tablespace oids."""

_SUFFIX: Final = r"(?P<suffix>(?:\.(?:gz|bz2|xz|snappy|zst|lz4))?(?:\.enc)?)"
_SERVER_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_BACKUP_ID: Final = re.compile(r"[0-9]{8}T[0-9]{6}")
_BACKUP_ID_FORMAT: Final = "%Y%m%dT%H%M%S"
_WAL_KEY: Final = re.compile(
    WAL_PREFIX
    + r"(?P<directory>[0-9A-F]{16}/)?"
    + r"(?P<name>[0-9A-F]{8}\.history"
    + r"|[0-9A-F]{24}(?:\.partial|\.[0-9A-F]{8}\.backup)?)"
    + _SUFFIX
)
# Compiled where it is used: wal-archive and wal-restore do without it.
_PARTIAL_KEY: Final = (
    PARTIAL_PREFIX
    + r"(?P<name>[0-9A-F]{24}(?:\.partial)?)\.(?P<tag>[0-9a-f]{16})"
    + _SUFFIX
)
_VOLUME_KEY: Final = re.compile(
    BACKUPS_PREFIX
    + r"(?P<backup_id>[0-9]{8}T[0-9]{6})/"
    + r"(?:volume\.)?(?P<item>data|[1-9][0-9]{0,9})(?:_(?P<index>[0-9]{4,9}))?\.tar"
    + _SUFFIX
)

_SINGLE_OBJECTS: Final = {
    "started.json",
    "backup.info",
    "deleting.json",
    "volumes.json.zst",
    "backup_manifest.zst",
    "backup_manifest.zst.enc",
    "backup_label",  # barman's, beside snapshots of disks
}

# The widest offset that a barman host's local clock can have to UTC is 14 hours.
_LOCAL_CLOCKS: Final = timedelta(hours=14)


def check_server_name(text: str) -> str:
    """Return text where it can name a server's archive.

    Raises:
        UsageError: it holds anything but ASCII letters, digits, ``.``, ``_``, ``-``,
            or would name a directory above.
    """
    if _SERVER_NAME.fullmatch(text) is None or text in {".", ".."}:
        raise UsageError(
            f"{text!r} is not a server name",
            hint="use letters, digits, dots, underscores and hyphens",
        )
    return text


@dataclass(frozen=True, slots=True)
class WalObject:
    """An archived WAL file: its name, and how the object's name goes on."""

    name: str
    suffix: str
    """Extension of the compression, then ``.enc``; each may be missing."""


def is_known_suffix(text: str) -> bool:
    """Tell whether text is how an object's name may end: ``""`` to ``.zst.enc``."""
    extension = text.removesuffix(ENCRYPTED)
    return extension == "" or extension in EXTENSIONS


def wal_directory(name: str) -> str:
    """Return the prefix under which the WAL file called name lies, with its slash.

    History files lie beside the directories; those take 256 segments of 16 MiB.
    """
    if name.endswith(".history"):
        return WAL_PREFIX
    return f"{WAL_PREFIX}{name[:16].upper()}/"


def wal_key(name: str) -> str:
    """Return the key of the WAL file called name, without a suffix."""
    return wal_directory(name) + name


def parse_wal_key(key: str) -> WalObject | None:
    """Return which WAL file is stored under key, None where it is not one."""
    match = _WAL_KEY.fullmatch(key)
    if match is None or key != wal_key(match["name"]) + match["suffix"]:
        return None
    return WalObject(match["name"], match["suffix"])


def conflicting_partial_key(name: str, tag: str) -> str:
    """Return where a partial segment goes whose own name holds other content.

    tag is random: 16 hexadecimal digits.
    """
    return f"{PARTIAL_PREFIX}{name}.{tag}"


def parse_partial_key(key: str) -> WalObject | None:
    """Return which partial segment is stored under key beside the WAL, if one is.

    The object's name goes on with its tag, which is part of suffix here.
    """
    match = re.fullmatch(_PARTIAL_KEY, key)
    if match is None:
        return None
    return WalObject(match["name"], f".{match['tag']}{match['suffix']}")


def is_backup_id(text: str) -> bool:
    """Tell whether text has the shape of a backup id, ``YYYYMMDDTHHMMSS``."""
    return _BACKUP_ID.fullmatch(text) is not None


def new_backup_id(now: datetime, newest_existing: str | None) -> str:
    """Return the id for a backup that begins at now, later than newest_existing.

    Ids are UTC; barman's are the local time of its host, and it orders by them. An
    existing id further ahead than any time zone comes from a clock that was wrong,
    and does not count.
    """
    moment = now.astimezone(UTC).replace(microsecond=0)
    newest = _id_time(newest_existing) if newest_existing is not None else None
    if newest is not None and moment <= newest <= moment + _LOCAL_CLOCKS:
        moment = newest + timedelta(seconds=1)
    return moment.strftime(_BACKUP_ID_FORMAT)


def newest_backup_id(existing: Iterable[str], now: datetime) -> str | None:
    """Return the newest of existing ids that new_backup_id would count at now."""
    times = [(_id_time(text), text) for text in existing]
    limit = now.astimezone(UTC) + _LOCAL_CLOCKS
    counted = [(time, text) for time, text in times if time and time <= limit]
    return max(counted)[1] if counted else None


def is_id_from_the_future(backup_id: str, now: datetime) -> bool:
    """Tell whether no right clock can have made that id before now."""
    time = _id_time(backup_id)
    return time is not None and time > now.astimezone(UTC) + _LOCAL_CLOCKS


def _id_time(text: str) -> datetime | None:
    if not is_backup_id(text):
        return None
    try:
        return datetime.strptime(text, _BACKUP_ID_FORMAT).replace(tzinfo=UTC)
    except ValueError:  # the shape of a date, and no date
        return None


def backup_prefix(backup_id: str) -> str:
    """Return the prefix of everything that belongs to a backup."""
    return f"{BACKUPS_PREFIX}{backup_id}/"


def backup_id_of(key: str) -> str | None:
    """Return the backup that the object under key belongs to."""
    prefix, _, rest = key.partition("/")
    backup_id, slash, _ = rest.partition("/")
    if prefix + "/" != BACKUPS_PREFIX or not slash or not is_backup_id(backup_id):
        return None
    return backup_id


def is_backup_key(key: str) -> bool:
    """Tell whether the object under key is of a backup, whatever the backup's name.

    barman takes every directory with a backup.info for a backup.
    """
    return backup_id_of(key) is not None or (
        key.startswith(BACKUPS_PREFIX) and key.endswith("/backup.info")
    )


def started_key(backup_id: str) -> str:
    """Return the key of the marker that a backup creates first."""
    return backup_prefix(backup_id) + "started.json"


def backup_info_key(backup_id: str) -> str:
    """Return the key of the backup's commit."""
    return backup_prefix(backup_id) + "backup.info"


def deleting_key(backup_id: str) -> str:
    """Return the key of the marker of a deletion under way."""
    return backup_prefix(backup_id) + "deleting.json"


def keep_key(backup_id: str) -> str:
    """Return the key of the annotation that keeps a backup from being deleted."""
    return backup_prefix(backup_id) + "annotations/keep"


def volumes_key(backup_id: str) -> str:
    """Return the key of the list of the backup's objects."""
    return backup_prefix(backup_id) + "volumes.json.zst"


def manifest_key(backup_id: str, *, encrypted: bool) -> str:
    """Return the key of the backup_manifest, which is always compressed by zstd."""
    name = "backup_manifest.zst" + (ENCRYPTED if encrypted else "")
    return backup_prefix(backup_id) + name


def config_key(backup_id: str, suffix: str) -> str:
    """Return the key of the configuration files outside the data directory."""
    return backup_prefix(backup_id) + "config.tar" + suffix


@dataclass(frozen=True, slots=True)
class VolumeName:
    """Which volume of which backup an object is."""

    backup_id: str
    item: str
    """``data``, or the oid of a tablespace."""
    index: int
    """From 0, in each item by itself."""
    suffix: str


def volume_key(backup_id: str, item: str, index: int, suffix: str) -> str:
    """Return the key of one volume.

    Encrypted ones begin with ``volume.``: barman-cloud stops with an error at a name
    that begins as its own do and ends in an extension it does not know.
    """
    number = f"_{index:04d}" if index else ""
    first = "volume." if suffix.endswith(ENCRYPTED) else ""
    return f"{backup_prefix(backup_id)}{first}{item}{number}.tar{suffix}"


def parse_volume_key(key: str) -> VolumeName | None:
    """Return which volume is stored under key, None where it is not one."""
    match = _VOLUME_KEY.fullmatch(key)
    if match is None:
        return None
    index = int(match["index"] or 0)
    name = VolumeName(match["backup_id"], match["item"], index, match["suffix"])
    # One spelling only: data_0000.tar and volume.data.tar are nobody's.
    if volume_key(name.backup_id, name.item, name.index, name.suffix) != key:
        return None
    return name


def is_of_a_backup(key: str) -> bool:
    """Tell whether a backup, of ours or of barman's, may have stored key.

    What somebody else has put into a backup's directory is none of its objects.
    """
    backup_id = backup_id_of(key)
    if backup_id is None:
        return False
    name = key.removeprefix(backup_prefix(backup_id))
    return (
        name in _SINGLE_OBJECTS
        or name.startswith("annotations/")
        or parse_volume_key(key) is not None
        or (
            name.startswith("config.tar") and is_known_suffix(name[len("config.tar") :])
        )
    )
