"""What makes PostgreSQL recover a restored directory, as text of its own files.

Since PostgreSQL 12 that is an empty recovery.signal and settings; ALTER SYSTEM's
file is read last, so what stands there wins over postgresql.conf.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from cloudhoard.domain.recovery_target import (
    RecoveryTarget,
    TargetAction,
    TargetTime,
    TargetTimeline,
    ToTheEnd,
)
from cloudhoard.errors import UsageError

AUTO_CONF_NAME: Final = "postgresql.auto.conf"
RECOVERY_SIGNAL_NAME: Final = "recovery.signal"

Setting: TypeAlias = tuple[str, str]
"""Name and value, the value not yet quoted."""

# An old target left in postgresql.conf would stop this recovery without a word, and
# an old primary_conninfo or archive_cleanup_command would act on it.  The value that
# switches each off is the empty string, but for those with another kind of value.
_OFF: Final[Sequence[Setting]] = (
    ("archive_cleanup_command", ""),
    ("primary_conninfo", ""),
    ("primary_slot_name", ""),
    ("recovery_end_command", ""),
    ("recovery_min_apply_delay", "0"),
    ("recovery_target_inclusive", "on"),
    ("recovery_target", ""),
    ("recovery_target_lsn", ""),
    ("recovery_target_name", ""),
    ("recovery_target_time", ""),
    ("recovery_target_xid", ""),
)
_NAME: Final = re.compile(rb"[ \t]*([A-Za-z_][A-Za-z0-9_.$]*)")
_FIRST_PRINTABLE: Final = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySettings:
    """How a restored cluster is to recover."""

    restore_command: str
    target: RecoveryTarget
    timeline: TargetTimeline
    action: TargetAction

    def as_settings(self) -> tuple[Setting, ...]:
        """Every setting that steers recovery, the chosen target last.

        The order counts: PostgreSQL refuses to start when a target is set while
        another one still is (xlogrecovery.c, error_multiple_recovery_targets).
        """
        target = _target_setting(self.target)
        names = {name for name, _ in target}
        return (
            *((name, value) for name, value in _OFF if name not in names),
            ("restore_command", self.restore_command),
            ("recovery_target_timeline", str(self.timeline)),
            ("recovery_target_action", str(self.action)),
            *target,
        )


def render_restore_command(argv: Sequence[str]) -> str:
    """A restore_command that runs argv with the two names PostgreSQL puts in.

    argv is quoted for the shell, and every % in it doubled, as PostgreSQL halves it
    again (src/common/percentrepl.c).
    """
    words = [shlex.quote(word).replace("%", "%%") for word in argv]
    return " ".join((*words, "%f", "%p"))


def rewrite_auto_conf(text: bytes, settings: Iterable[Setting]) -> bytes:
    """postgresql.auto.conf with settings at its end and older values commented out.

    text may be in any encoding and is otherwise kept byte for byte.

    Raises:
        UsageError: a value holds a control character, which the file cannot.
    """
    added = list(settings)
    names = {name.encode() for name, _ in added}
    kept = [_commented(line, names) for line in text.splitlines(keepends=True)]
    if kept and not kept[-1].endswith(b"\n"):
        kept.append(b"\n")
    return b"".join((*kept, *(_line(name, value) for name, value in added)))


def _target_setting(target: RecoveryTarget) -> tuple[Setting, ...]:
    match target:
        case ToTheEnd():
            return ()
        case TargetTime():
            return (("recovery_target_time", str(target)),)


def _commented(line: bytes, names: set[bytes]) -> bytes:
    match = _NAME.match(line)
    if match is None or match[1].lower() not in names:
        return line
    return b"# " + line


def _line(name: str, value: str) -> bytes:
    if any(character < _FIRST_PRINTABLE for character in value):
        raise UsageError(f"{name} cannot hold a control character: {value!r}")
    quoted = value.replace("\\", "\\\\").replace("'", "''")
    return f"{name} = '{quoted}'\n".encode(errors="surrogateescape")
