"""Backups for people: a table of all, a description of one."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from cloudhoard.cli.output import binary_size, table
from cloudhoard.cli.printable import printable
from cloudhoard.domain.backup import Backup
from cloudhoard.domain.backup_info import BackupInfo
from cloudhoard.domain.catalog import Catalog

_HEADERS: Final = (
    "Backup ID",
    "End time",
    "Begin WAL",
    "State",
    "Keep",
    "Size",
    "Name",
)
_SIZE_COLUMN: Final = 5
_FIRST_THREE_PART_VERSION: Final = 100000  # 10.0; before it the major had two parts


def backup_table(catalog: Catalog) -> str:
    """Return one line for each backup, below a header, in the order of ids."""
    rows = [_row(backup) for backup in catalog.backups]
    return table(_HEADERS, rows, right=(_SIZE_COLUMN,))


def _row(backup: Backup) -> tuple[str, ...]:
    stopped_at = backup.stopped_at
    return (
        backup.backup_id,
        _instant(stopped_at, "seconds") if stopped_at is not None else "",
        (backup.info.begin_wal if backup.info is not None else None) or "",
        backup.state.value,
        backup.keep.value if backup.keep is not None else "",
        binary_size(backup.stored_size),
        printable(backup.name or ""),
    )


def backup_description(backup: Backup) -> str:
    """Return everything known about one backup, a line for each fact."""
    rows = [
        ("State", backup.state.value),
        ("Name", backup.name),
        ("Keep", backup.keep.value if backup.keep is not None else None),
        ("Stored size", binary_size(backup.stored_size)),
        *_our_rows(backup),
        *(_info_rows(backup.info) if backup.info is not None else ()),
        ("Problem", backup.problem),
    ]
    lines = [f"Backup {backup.backup_id}:"]
    lines += [
        f"  {title:<20}: {printable(text)}" for title, text in rows if text is not None
    ]
    if backup.info is not None:
        lines += _tablespace_lines(backup.info)
    return "\n".join(lines)


def _our_rows(backup: Backup) -> Iterator[tuple[str, str | None]]:
    started = backup.started
    if started is not None:
        yield "Started", _instant(started.started_at)
        yield "Host", f"{started.host}, process {started.process_id}"
        yield "Data directory", started.data_directory
    ours = backup.info.cloudhoard if backup.info is not None else None
    if ours is None:
        return
    yield "Plain size", binary_size(ours.plain_size)
    yield "Files", str(ours.files)
    yield "WAL included", "yes" if ours.wal_included else "no"
    for fingerprint in ours.key_fingerprints:
        yield "Encrypted for key", fingerprint
    yield "Made by", f"CloudHoard {ours.tool_version}"


def _info_rows(info: BackupInfo) -> Iterator[tuple[str, str | None]]:
    yield "System identifier", _text(info.systemid)
    yield "PostgreSQL version", _version(info.version)
    yield "Data directory", info.pgdata
    yield "Data checksums", info.data_checksums
    yield "Timeline", _text(info.timeline)
    yield "Begin time", _instant(info.begin_time) if info.begin_time else None
    yield "End time", _instant(info.end_time) if info.end_time else None
    yield "Begin LSN", _text(info.begin_xlog)
    yield "End LSN", _text(info.end_xlog)
    yield "Begin WAL", info.begin_wal
    yield "End WAL", info.end_wal
    yield "Parent backup", info.parent_backup_id
    yield "Error", info.error


def _tablespace_lines(info: BackupInfo) -> Iterable[str]:
    if not info.tablespaces:
        return []
    lines = [
        f"    {printable(each.name)}: {printable(each.location)} (oid {each.oid})"
        for each in info.tablespaces
    ]
    return ["  Tablespaces:", *lines]


def _instant(moment: datetime, timespec: str = "auto") -> str:
    text = moment.astimezone(UTC).isoformat(timespec=timespec)
    return text.removesuffix("+00:00") + "Z"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _version(number: int | None) -> str | None:
    """Return server_version_num as PostgreSQL prints it: 150020 is 15.20."""
    if number is None or number < _FIRST_THREE_PART_VERSION:
        return _text(number)
    return f"{number // 10000}.{number % 10000}"
