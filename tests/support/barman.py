"""barman-cloud's commands, which tests run as other people's programs are run."""

import os
import shutil
from pathlib import Path
from typing import Final

from tests.support.requirements import missing, not_permitted

_DIRECTORY: Final = "CLOUDHOARD_TEST_BARMAN_BIN"
"""Environment variable: the directory of barman-cloud's commands; else the PATH."""
_NEWER: Final = "CLOUDHOARD_TEST_BARMAN_320"
"""The same of barman 3.20, which needs Python 3.12: Debian 12 has none."""

ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}
"""What its manual asks for at stores that are not Amazon's."""


def barman_directory() -> Path:
    """Return where barman-cloud's commands are; without them as missing()."""
    named = os.environ.get(_DIRECTORY)
    found = named or shutil.which("barman-cloud-backup")
    if found is None:
        missing("barman", f"barman-cloud is not installed: set {_DIRECTORY}")
    return Path(named) if named else Path(found).parent


def newer_barman_directory() -> Path:
    """Return where the commands of barman-cloud 3.20 are; skips without them."""
    named = os.environ.get(_NEWER)
    if named is None:
        not_permitted("barman-3.20", f"no barman-cloud 3.20: set {_NEWER}")
    return Path(named)
