"""What makes PostgreSQL recover a restored directory, as text of its own files.

Since PostgreSQL 12 that is an empty recovery.signal and settings; ALTER SYSTEM's
file is read last, so what stands there wins over postgresql.conf.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from cloudhoard.domain.recovery_target import (
    Immediate,
    RecoveryTarget,
    TargetAction,
    TargetLsn,
    TargetName,
    TargetTime,
    TargetTimeline,
    TargetXid,
    ToTheEnd,
)
from cloudhoard.errors import UsageError

AUTO_CONF_NAME: Final = "postgresql.auto.conf"
RECOVERY_SIGNAL_NAME: Final = "recovery.signal"
STANDBY_SIGNAL_NAME: Final = "standby.signal"

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
_TRIGGER_FILE: Final = ("promote_trigger_file", "")
_MAJORS_WITH_TRIGGER_FILE: Final = range(12, 16)
"""In later ones an unknown setting, with which no server starts."""
_SLOT_NAME: Final = re.compile(r"[a-z0-9_]{1,63}", re.ASCII)
_NAME: Final = re.compile(rb"[ \t]*([A-Za-z_][A-Za-z0-9_.$]*)")
_FIRST_PRINTABLE: Final = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """A cluster that goes on following another one."""

    primary_conninfo: str = ""
    """How libpq reaches the primary; empty: the archive is all there is."""
    primary_slot_name: str = ""
    """A replication slot there; empty: none."""

    def as_settings(self) -> tuple[Setting, ...]:
        """What makes PostgreSQL stream."""
        return (
            ("primary_conninfo", self.primary_conninfo),
            ("primary_slot_name", self.primary_slot_name),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverySettings:
    """How a restored cluster is to recover."""

    restore_command: str
    target: RecoveryTarget
    inclusive: bool = True
    """Whether to stop behind the target, or before it."""
    timeline: TargetTimeline = "latest"
    action: TargetAction = TargetAction.PAUSE
    end_command: str = ""
    """Run once, when recovery ends."""
    standby: Standby | None = None
    """None: recovery ends, and the cluster becomes a primary."""
    major: int = 0
    """The server's version, without its minor; 0: not known."""

    @property
    def signal_name(self) -> str:
        """The file that has the server recover."""
        return RECOVERY_SIGNAL_NAME if self.standby is None else STANDBY_SIGNAL_NAME

    def as_settings(self) -> tuple[Setting, ...]:
        """Every setting that steers recovery, the chosen target last.

        The order counts: PostgreSQL refuses to start when a target is set while
        another one still is (xlogrecovery.c, error_multiple_recovery_targets).
        """
        chosen = tuple(self._chosen())
        names = {name for name, _ in chosen}
        return (*(each for each in self._off() if each[0] not in names), *chosen)

    def _off(self) -> Iterator[Setting]:
        yield from _OFF
        if self.major in _MAJORS_WITH_TRIGGER_FILE:
            yield _TRIGGER_FILE

    def _chosen(self) -> Iterator[Setting]:
        yield ("restore_command", self.restore_command)
        if self.end_command:
            yield ("recovery_end_command", self.end_command)
        if self.standby is not None:
            yield from self.standby.as_settings()
        if not self.inclusive:
            yield ("recovery_target_inclusive", "off")
        yield ("recovery_target_timeline", str(self.timeline))
        yield ("recovery_target_action", str(self.action))
        yield from _target_setting(self.target)


def parse_slot_name(text: str) -> str:
    """Read the name of a replication slot.

    Raises:
        UsageError: PostgreSQL has no slot of that name.
    """
    if _SLOT_NAME.fullmatch(text) is None:
        raise UsageError(
            f"{text!r} is not the name of a replication slot",
            hint="it has 1 to 63 of a to z, 0 to 9 and _",
        )
    return text


def render_restore_command(argv: Sequence[str]) -> str:
    """A restore_command that runs argv with the two names PostgreSQL puts in.

    argv is quoted for the shell, and every % in it doubled, as PostgreSQL halves it
    again (src/common/percentrepl.c).
    """
    words = [shlex.quote(word).replace("%", "%%") for word in argv]
    return " ".join((*words, "%f", "%p"))


def check_settings(settings: Iterable[Setting]) -> None:
    """Refuse values that postgresql.auto.conf cannot hold.

    Raises:
        UsageError: one has a control character.
    """
    for name, value in settings:
        if any(character < _FIRST_PRINTABLE for character in value):
            raise UsageError(f"{name} cannot hold a control character: {value!r}")


def rewrite_auto_conf(text: bytes, settings: Iterable[Setting]) -> bytes:
    """postgresql.auto.conf with settings at its end and older values commented out.

    text may be in any encoding and is otherwise kept byte for byte.

    Raises:
        UsageError: as check_settings.
    """
    added = list(settings)
    check_settings(added)
    names = {name.encode() for name, _ in added}
    kept = [_commented(line, names) for line in text.splitlines(keepends=True)]
    if kept and not kept[-1].endswith(b"\n"):
        kept.append(b"\n")
    return b"".join((*kept, *(_line(name, value) for name, value in added)))


def _target_setting(target: RecoveryTarget) -> Iterator[Setting]:
    match target:
        case ToTheEnd():
            return
        case TargetTime():
            yield ("recovery_target_time", str(target))
        case TargetLsn():
            yield ("recovery_target_lsn", str(target))
        case TargetXid():
            yield ("recovery_target_xid", str(target))
        case TargetName():
            yield ("recovery_target_name", str(target))
        case Immediate():
            yield ("recovery_target", str(target))


def _commented(line: bytes, names: set[bytes]) -> bytes:
    match = _NAME.match(line)
    if match is None or match[1].lower() not in names:
        return line
    return b"# " + line


def _line(name: str, value: str) -> bytes:
    quoted = value.replace("\\", "\\\\").replace("'", "''")
    return f"{name} = '{quoted}'\n".encode(errors="surrogateescape")
