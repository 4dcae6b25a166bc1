"""A backup as JSON: what barman-cloud prints, and ours under the key cloudhoard."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from cloudhoard.domain.backup import Backup
from cloudhoard.domain.backup_info import (
    BARMAN_KEYS,
    KEYS_LEFT_OUT,
    BackupInfo,
    Tablespace,
)
from cloudhoard.domain.lsn import Lsn

_NOTHING_KNOWN: Final = BackupInfo()


def backup_json(backup: Backup) -> dict[str, object]:
    """Return the object for backup; cloudhoard-backup-list(1) documents its keys."""
    info = backup.info or _NOTHING_KNOWN
    members: dict[str, object] = {
        key: _value(key, getattr(info, key))
        for key in BARMAN_KEYS
        if key not in KEYS_LEFT_OUT or getattr(info, key) is not None
    }
    if backup.info is None:
        # barman has no word for what is going, and for what cannot be read.
        members["status"] = backup.state.value
        members["xlog_segment_size"] = None
    members["backup_id"] = backup.backup_id
    for key in ("begin_time", "end_time"):
        moment: datetime | None = getattr(info, key)
        if moment is not None:
            members[f"{key}_iso"] = moment.isoformat()
    members["cloudhoard"] = _ours(backup)
    return members


def _value(key: str, value: object) -> object:
    if value is None or value == ():
        return None
    if key in _SPELLINGS:
        return _SPELLINGS[key](value)
    if isinstance(value, datetime):
        return value.ctime()
    if isinstance(value, Lsn):
        return str(value)
    if isinstance(value, tuple):
        return [_member(each) for each in value]
    return value


def _member(value: object) -> object:
    if isinstance(value, Tablespace):
        return [value.name, value.oid, value.location]
    return value


def _joined(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


# As barman prints them: the label is its repr(), the list a string.
_SPELLINGS: Final[Mapping[str, Callable[[object], str]]] = {
    "backup_label": repr,
    "systemid": str,
    "children_backup_ids": _joined,
}


def _ours(backup: Backup) -> Mapping[str, object]:
    members: dict[str, object] = {
        "state": backup.state.value,
        "keep": backup.keep.value if backup.keep is not None else None,
        "problem": backup.problem,
        "stored_size": backup.stored_size,
    }
    started = backup.started
    if started is not None:
        members |= {
            "name": started.backup_name,
            "started_at": started.started_at.astimezone(UTC).isoformat(),
            "host": started.host,
            "process_id": started.process_id,
            "data_directory": started.data_directory,
        }
    ours = backup.info.cloudhoard if backup.info is not None else None
    if ours is not None:
        members |= {
            "kind": ours.kind,
            "tool_version": ours.tool_version,
            "format_version": ours.format_version,
            "plain_size": ours.plain_size,
            "files": ours.files,
            "wal_included": ours.wal_included,
            "encrypted": ours.is_encrypted,
            "key_fingerprints": list(ours.key_fingerprints),
        }
    return members
