"""Directories of programs that are not run by pytest: benchmarks, soak runs."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.os_user import OsUser


def base_directory() -> str:
    """Return where tests put their files: $CLOUDHOARD_TEST_DIR, else /var/tmp.

    Short, because the path of a socket has 107 characters, and not below a home
    directory, because the test user must be able to enter it.
    """
    return os.environ.get("CLOUDHOARD_TEST_DIR", "/var/tmp")  # noqa: S108


@contextmanager
def disposable_directory() -> Iterator[Path]:
    """Yield an empty directory of the test user's, removed after the block."""
    directory = Path(tempfile.mkdtemp(prefix="cht-", dir=base_directory()))
    directory.chmod(0o755)
    try:
        if os_user := OsUser.of_tests():
            os_user.give(directory)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
