"""Entry point of cloudhoard-wal-restore, which survives a broken installation.

The interpreter ends with code 1 after an import error, and PostgreSQL takes that for
"there is no such WAL file": it would end recovery early. So what the command needs is
imported here, inside a handler, and not at the top.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress

from cloudhoard.cli.recovery_mode import is_strict

_INTERNAL = 4
_STRICT = 192


def main(argv: Sequence[str] | None = None) -> int:
    """Run cloudhoard-wal-restore and return its exit code."""
    try:
        from cloudhoard.commands import wal_restore  # noqa: PLC0415
    except Exception as error:  # noqa: BLE001 - whatever it is, 1 would be wrong
        reason = f"{type(error).__name__}: {error}".replace("\n", " ")
        with suppress(OSError, AttributeError):  # stderr may be full, or closed
            sys.stderr.write(
                f"cloudhoard-wal-restore: error: the installation is broken: {reason}\n"
                "cloudhoard-wal-restore: hint: install cloudhoard anew with its"
                " dependencies\n"
            )
        return _STRICT + _INTERNAL if is_strict(argv) else _INTERNAL
    return wal_restore.main(argv)


if __name__ == "__main__":
    sys.exit(main())
