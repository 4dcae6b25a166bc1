"""backup.info, the commit of a backup: barman's keys and encodings, and our own line.

Text in UTF-8, one ``key=value`` a line, keys in alphabetical order. barman stops at a
key it does not know and passes over lines with ``#`` in column 0, so what is ours is
in such lines: ``#cloudhoard {json}``, and last, where the backup is signed,
``#cloudhoard-signature FINGERPRINT BASE64`` over all bytes before it.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from cloudhoard.domain import backup_info_values as values
from cloudhoard.domain.backup_info_values import BackupStatus, Tablespace
from cloudhoard.domain.cloudhoard_info import CloudHoardInfo
from cloudhoard.domain.lsn import Lsn
from cloudhoard.domain.python_literal import Literal
from cloudhoard.errors import InvalidFormat

__all__ = [
    "BARMAN_KEYS",
    "KEYS_LEFT_OUT",
    "LARGEST_BACKUP_INFO",
    "SIGNATURE_CONTEXT",
    "BackupInfo",
    "BackupSignature",
    "BackupStatus",
    "CloudHoardInfo",
    "Tablespace",
    "append_signature",
    "is_barmans",
    "split_signature",
]

LARGEST_BACKUP_INFO: Final = 8 << 20
"""Bytes; room for 50,000 tablespaces."""

SIGNATURE_CONTEXT: Final = b"cloudhoard backup.info v1\0"
"""Goes before what is signed, so that no other signature passes for this one."""

_MOST_LINES: Final = 10_000
_OUR_LINE: Final = "#cloudhoard "
_SIGNATURE_WORD: Final = b"#cloudhoard-signature"
_SIGNATURE_LINE: Final = re.compile(
    _SIGNATURE_WORD + rb" ([0-9a-f]{64}) ([A-Za-z0-9+/]{86}==)\n"
)

_FORMATS: Final[Mapping[str, values.ValueFormat]] = {
    "backup_label": values.QUOTED,
    "backup_name": values.OPTIONAL_TEXT,
    "begin_offset": values.INTEGER,
    "begin_time": values.INSTANT,
    "begin_wal": values.SEGMENT_NAME,
    "begin_xlog": values.LSN,
    "children_backup_ids": values.WORDS,
    "cluster_size": values.INTEGER,
    "compression": values.TEXT,
    "config_file": values.TEXT,
    "copy_stats": values.QUOTED_MAPPING,
    "data_checksums": values.TEXT,
    "deduplicated_size": values.INTEGER,
    "encryption": values.TEXT,
    "end_offset": values.INTEGER,
    "end_time": values.INSTANT,
    "end_wal": values.SEGMENT_NAME,
    "end_xlog": values.LSN,
    "error": values.TEXT,
    "hba_file": values.TEXT,
    "ident_file": values.TEXT,
    "included_files": values.QUOTED_LIST,
    "mode": values.TEXT,
    "parent_backup_id": values.TEXT,
    "pgdata": values.TEXT,
    "server_name": values.TEXT,
    "size": values.INTEGER,
    "snapshots_info": values.OPTIONAL_MAPPING,
    "status": values.STATUS,
    "summarize_wal": values.TEXT,
    "systemid": values.INTEGER,
    "tablespaces": values.TABLESPACES,
    "timeline": values.TIMELINE,
    "version": values.INTEGER,
    "xlog_segment_size": values.SEGMENT_SIZE,
}

BARMAN_KEYS: Final = tuple(_FORMATS)
"""The keys of barman 3.14 to 3.20 in their order, which are fields of BackupInfo."""

KEYS_LEFT_OUT: Final = frozenset(
    key for key, form in _FORMATS.items() if form.is_left_out
)
"""Those that are not written at all when they are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupInfo:
    """One backup.info; the names of the fields are barman's keys.

    None and empty mean that the value is not known, or that there is none. Times are
    aware and keep the zone they were written in; sizes and offsets are bytes.
    """

    status: BackupStatus = BackupStatus.EMPTY
    backup_label: str | None = None
    """The whole text of the file backup_label."""
    backup_name: str | None = None
    begin_offset: int | None = None
    """Of begin_xlog in begin_wal."""
    begin_time: datetime | None = None
    begin_wal: str | None = None
    begin_xlog: Lsn | None = None
    children_backup_ids: tuple[str, ...] = ()
    cluster_size: int | None = None
    compression: str | None = None
    config_file: str | None = None
    copy_stats: Mapping[str, Literal] | None = None
    data_checksums: str | None = None
    """``on`` or ``off``."""
    deduplicated_size: int | None = None
    encryption: str | None = None
    end_offset: int | None = None
    """Of end_xlog in end_wal."""
    end_time: datetime | None = None
    end_wal: str | None = None
    """The segment that holds the byte before end_xlog."""
    end_xlog: Lsn | None = None
    error: str | None = None
    hba_file: str | None = None
    ident_file: str | None = None
    included_files: tuple[str, ...] = ()
    mode: str | None = None
    parent_backup_id: str | None = None
    pgdata: str | None = None
    server_name: str | None = None
    size: int | None = None
    snapshots_info: Mapping[str, Literal] | None = None
    summarize_wal: str | None = None
    systemid: int | None = None
    tablespaces: tuple[Tablespace, ...] = ()
    timeline: int | None = None
    version: int | None = None
    """server_version_num, for instance 150020."""
    xlog_segment_size: int = 16 << 20
    cloudhoard: CloudHoardInfo | None = None
    """None where barman wrote it."""

    @property
    def major(self) -> int:
        """The server's version without its minor; 0: not known."""
        return (self.version or 0) // 10_000

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a backup.info of ours or of any barman; nothing in it is evaluated.

        Keys of newer barmans are passed over.

        Raises:
            InvalidFormat: it is too long, a line has no ``=``, a key comes twice, a
                value does not have its key's format, or it is DONE without an end.
        """
        if len(text) > LARGEST_BACKUP_INFO:
            raise InvalidFormat(
                f"backup.info is longer than {LARGEST_BACKUP_INFO} bytes"
            )
        if text.count("\n") > _MOST_LINES:
            raise InvalidFormat(f"backup.info has more than {_MOST_LINES} lines")
        info = cls(**_barman_values(text), cloudhoard=_our_line(text))
        if info.status is BackupStatus.DONE and info.end_time is None:
            raise InvalidFormat("backup.info has status DONE and no end_time")
        return info

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read the object; its signature, where it has one, is the caller's to check.

        Raises:
            InvalidFormat: as parse, or it is not UTF-8, or has a second signature.
        """
        if len(data) > LARGEST_BACKUP_INFO:
            raise InvalidFormat(
                f"backup.info is longer than {LARGEST_BACKUP_INFO} bytes"
            )
        body, _ = split_signature(data)
        try:
            return cls.parse(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InvalidFormat("backup.info is not UTF-8") from error

    def render(self) -> str:
        """Return the text, without a signature."""
        lines = [
            f"{key}={_render_value(key, getattr(self, key))}\n"
            for key, form in _FORMATS.items()
            if not (form.is_left_out and getattr(self, key) == form.absent)
        ]
        if self.cloudhoard is not None:
            lines.append(f"{_OUR_LINE}{self.cloudhoard.to_json()}\n")
        return "".join(lines)


def _barman_values(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("#") or not line.strip():
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if not equals:
            raise InvalidFormat(f"line {number} of backup.info has no '='")
        if key in found:
            raise InvalidFormat(f"line {number} of backup.info repeats {key!r}")
        if key in _FORMATS:
            found[key] = _parse_value(key, value.strip())
    return found


def _parse_value(key: str, text: str) -> object:
    form = _FORMATS[key]
    if text == values.NOT_KNOWN:
        return form.absent
    try:
        return form.parse(text)
    except InvalidFormat as error:
        raise InvalidFormat(f"{key} of backup.info: {error.message}") from error


def _render_value(key: str, value: object) -> str:
    form = _FORMATS[key]
    if value == form.absent and (value is None or value == ()):
        return values.NOT_KNOWN
    return form.render(value)


def _our_line(text: str) -> CloudHoardInfo | None:
    lines = [line for line in text.split("\n") if line.startswith(_OUR_LINE)]
    if not lines:
        return None
    if len(lines) > 1:
        raise InvalidFormat("backup.info has two #cloudhoard lines")
    return CloudHoardInfo.from_json(lines[0].removeprefix(_OUR_LINE))


@dataclass(frozen=True, slots=True)
class BackupSignature:
    """Who signed a backup.info, and the Ed25519 signature."""

    fingerprint: str
    """SHA-256 of the signer's SubjectPublicKeyInfo, in lower-case hexadecimal."""
    signature: bytes
    """64 bytes."""


def split_signature(data: bytes) -> tuple[bytes, BackupSignature | None]:
    """Return what is signed, and the signature where the last line is one.

    Raises:
        InvalidFormat: a signature line is malformed, or not the last.
    """
    start = data.find(_SIGNATURE_WORD)
    while start > 0 and data[start - 1] != ord("\n"):
        start = data.find(_SIGNATURE_WORD, start + 1)
    if start < 0:
        return data, None
    match = _SIGNATURE_LINE.fullmatch(data, start)
    if match is None:
        raise InvalidFormat("backup.info has a malformed signature line")
    try:
        signature = base64.b64decode(match[2], validate=True)
    except binascii.Error as error:
        raise InvalidFormat("backup.info has a malformed signature line") from error
    return data[:start], BackupSignature(match[1].decode(), signature)


def is_barmans(body: bytes) -> bool:
    """Tell whether a backup.info has no line of ours, so that barman wrote it."""
    return b"\n" + _OUR_LINE.encode() not in b"\n" + body


def append_signature(body: bytes, signature: BackupSignature) -> bytes:
    """Return body, which ends in a line feed, with its signature as the last line."""
    encoded = base64.b64encode(signature.signature)
    fingerprint = signature.fingerprint.encode()
    return b"%s%s %s %s\n" % (body, _SIGNATURE_WORD, fingerprint, encoded)
