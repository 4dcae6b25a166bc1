"""The configuration file: defaults of options, and sites by name.

cloudhoard.toml(5) documents it. tomllib is imported only where there is a file.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from cloudhoard.cli.known_options import ARCHIVE_KEYS, COMMAND_LINE_ONLY, SETTABLE
from cloudhoard.cli.layer import Layer, Setting
from cloudhoard.errors import UsageError

_DEFAULTS: Final = "defaults"
_SITE: Final = "site"
_POSITION: Final = re.compile(r"(.*) \(at line (\d+), column \d+\)", re.DOTALL)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")

Table = Mapping[str, object]


def read_site_file(path: Path, site: str | None, *, must_exist: bool) -> list[Layer]:
    """Return [site.NAME], where a site is asked for, and then [defaults].

    Raises:
        UsageError: the file cannot be read or is wrong, or it has no such site.
    """
    try:
        text = path.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError) as error:
        if must_exist or site is not None:
            raise UsageError(
                f"there is no configuration file {path}",
                hint="give another with --config or $CLOUDHOARD_CONFIG",
            ) from error
        return []
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"configuration file {path}: {reason}",
            hint="make it readable, or do without it: --no-config",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"configuration file {path}: is not UTF-8") from error
    return _File(path, text).layers(site)


class _File:
    """A file that could be read."""

    def __init__(self, path: Path, text: str) -> None:
        import tomllib  # noqa: PLC0415 - few command lines have a file

        self.path = path
        self.lines = text.splitlines()
        try:
            self.document: Table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _POSITION.fullmatch(str(error))
            where = f", line {found[2]}" if found else ""
            message = found[1] if found else str(error)
            raise UsageError(
                f"{path}{where}: {message[:1].lower()}{message[1:]}",
                hint="see cloudhoard.toml(5)",
            ) from error
        except (ValueError, RecursionError) as error:  # which tomllib lets through
            deep = isinstance(error, RecursionError)
            what = "nested too deeply" if deep else "a number has too many digits"
            raise UsageError(
                f"{path}: {what}", hint="see cloudhoard.toml(5)"
            ) from error

    def layers(self, site: str | None) -> list[Layer]:
        for name, value in self.document.items():
            if name not in (_DEFAULTS, _SITE):
                what = f"[{name}]" if isinstance(value, dict) else name
                hint = "everything stands in [defaults] or in a [site.NAME]"
                raise UsageError(f"{self._place(name)}: unknown: {what}", hint=hint)
        tables = [(f"[{_DEFAULTS}]", self.document.get(_DEFAULTS, {}))]
        if site is not None:
            tables.insert(0, (_header(site), self._site(site)))
        return [self._layer(header, table) for header, table in tables]

    def _site(self, site: str) -> object:
        sites = self.document.get(_SITE, {})
        if not isinstance(sites, dict):
            raise UsageError(f"{self._place(_SITE)}: site is not a table: [site.NAME]")
        if site not in sites:
            there = ", ".join(sites) or "none"
            raise UsageError(
                f"{self.path}: there is no site {site!r}", hint=f"sites: {there}"
            )
        return sites[site]

    def _layer(self, header: str, table: object) -> Layer:
        if not isinstance(table, dict):
            raise UsageError(f"{self.path}: {header} is not a table")
        for key in table:
            self._check_key(header, key)
        return Layer(
            {
                key: Setting(self._place(key, header), value)
                for key, value in table.items()
            }
        )

    def _check_key(self, header: str, key: str) -> None:
        if key in SETTABLE or key in ARCHIVE_KEYS:
            return
        place = self._place(key, header)
        if key in COMMAND_LINE_ONLY:
            raise UsageError(
                f"{place}: cannot be set here", hint=f"give --{key} where it is wanted"
            )
        nearest = _nearest_of(key, [*SETTABLE, *ARCHIVE_KEYS])
        hint = f"did you mean {nearest}?" if nearest else "see cloudhoard.toml(5)"
        raise UsageError(f"{place}: unknown key", hint=hint)

    def _place(self, key: str, header: str | None = None) -> str:
        """Where key stands; its line is looked for, as tomllib does not tell it."""
        table = f" in {header}" if header else ""
        number = self._line_of(key, header)
        line = f", line {number}" if number else ""
        return f"{self.path}{line}: {key}{table}"

    def _line_of(self, key: str, header: str | None) -> int | None:
        wanted = re.compile(rf"\s*(\[\s*)?[\"']?{re.escape(key)}[\"']?\s*[].=]")
        current = None
        for number, line in enumerate(self.lines, 1):
            if line.lstrip().startswith("["):
                current = re.sub(r"\s", "", line.partition("#")[0])
            if header in (None, current) and wanted.match(line):
                return number
        return None


def _header(site: str) -> str:
    return f"[{_SITE}.{site if _PLAIN_KEY.fullmatch(site) else repr(site)}]"


def _nearest_of(name: str, names: Iterable[str]) -> str | None:
    """Return the one of names that was probably meant."""
    import difflib  # noqa: PLC0415 - only where something is wrong

    found = difflib.get_close_matches(name, sorted(names), n=1)
    return found[0] if found else None
