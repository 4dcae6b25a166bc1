"""Where a restore writes: chosen, checked against each other, and not in use."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

from cloudhoard.domain.backup_info import BackupInfo, Tablespace
from cloudhoard.errors import OperationFailed, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDirectories:
    """The directories as the operator named them."""

    data: Path
    tablespaces: Mapping[str, Path] = field(default_factory=dict)
    """New locations by tablespace name."""
    tablespace_base: Path | None = None
    """Where the others go, each to a directory named by its oid; None: where they
    were."""
    wal: Path | None = None
    config: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreDirectories:
    """Absolute paths, none inside another."""

    data: Path
    tablespaces: Mapping[str, Path]
    """By oid, in digits."""
    wal: Path | None
    config: Path | None

    def outside(self) -> Iterator[Path]:
        """All but the data directory."""
        yield from self.tablespaces.values()
        if self.wal is not None:
            yield self.wal
        if self.config is not None:
            yield self.config


def plan_directories(
    chosen: ChosenDirectories,
    info: BackupInfo,
    *,
    is_signed: bool,
    user_id: int | None = None,
) -> RestoreDirectories:
    """Decide where everything goes; nothing is touched.

    is_signed says that a trusted key vouches for info. Where none does, a location
    from info is taken only if that directory is there and belongs to user_id, the
    files' owner to be (None: our own user): who can forge backup.info must not be
    able to have directories made anywhere, or given away.

    Raises:
        UsageError: a tablespace is named that the backup does not have, or two
            directories would share their content.
        OperationFailed: an original location cannot be used.
    """
    known = {each.name for each in info.tablespaces}
    for name in chosen.tablespaces:
        if name not in known:
            raise UsageError(
                f"the backup has no tablespace {name!r}",
                hint=f"it has {', '.join(sorted(known)) or 'none'}",
            )
    trusted_user = None if is_signed else os.geteuid() if user_id is None else user_id
    tablespaces = {
        str(each.oid): _location(chosen, each, trusted_user=trusted_user)
        for each in info.tablespaces
    }
    directories = RestoreDirectories(
        data=_absolute(chosen.data),
        tablespaces=tablespaces,
        wal=None if chosen.wal is None else _absolute(chosen.wal),
        config=None if chosen.config is None else _absolute(chosen.config),
    )
    _check_apart([directories.data, *directories.outside()])
    return directories


def _absolute(path: Path) -> Path:
    """The path without links, of which a part may not exist yet."""
    return Path(os.path.realpath(path))


def _location(
    chosen: ChosenDirectories, tablespace: Tablespace, *, trusted_user: int | None
) -> Path:
    if tablespace.name in chosen.tablespaces:
        return _absolute(chosen.tablespaces[tablespace.name])
    if chosen.tablespace_base is not None:
        # By oid: a name may be anything, such as "..".
        return _absolute(chosen.tablespace_base / str(tablespace.oid))
    return _original_location(tablespace, trusted_user=trusted_user)


def _original_location(tablespace: Tablespace, *, trusted_user: int | None) -> Path:
    """The place that backup.info names; None trusts it with every user's."""
    location = tablespace.location
    hint = f"choose another place: --tablespace {tablespace.name}:LOCATION"
    if not _is_clean(location):
        raise OperationFailed(
            f"tablespace {tablespace.name!r} was at {location!r},"
            " which is no place for one",
            hint=hint,
        )
    if trusted_user is None:
        return _absolute(Path(location))
    if not Path(location).is_dir():
        raise OperationFailed(
            f"tablespace {tablespace.name!r} was at {location}, which does not exist",
            hint=f"create that directory, or {hint}",
        )
    if Path(location).stat().st_uid != trusted_user:
        raise OperationFailed(
            f"tablespace {tablespace.name!r} was at {location}, which belongs to"
            " somebody else",
            hint=f"give it to the user of the server, or {hint}",
        )
    return _absolute(Path(location))


def _is_clean(location: str) -> bool:
    """Whether a path is absolute, not the root, and spelt without detours."""
    return (
        location.startswith("/")
        and not location.startswith("//")
        and location != "/"
        and os.path.normpath(location) == location
        and location.isprintable()
    )


def _check_apart(paths: list[Path]) -> None:
    for one, other in permutations(paths, 2):
        if one == other or one.is_relative_to(other):
            raise UsageError(
                f"{one} and {other} cannot both be restored into",
                hint="choose places apart, with --tablespace, --tablespace-base-dir,"
                " --waldir, --config-dir",
            )
