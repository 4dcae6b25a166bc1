"""PostgreSQL starts wal-archive for each segment: it imports only what it needs."""

import subprocess
import sys

import pytest

SDKS = ("boto3", "botocore", "google", "azure", "swiftclient", "paramiko", "requests")
PLAIN_NEEDS_NEITHER = ("psycopg2", "cryptography")
SLOW = ("asyncio", "multiprocessing", "xml", "email", "http", "unittest", "ctypes")

PROGRAM = """
import sys
from cloudhoard.commands.{module} import main
code = main({argv})
print(*sorted(name for name in sys.modules), sep="\\n")
"""


def imported(module: str, argv: list[str]) -> set[str]:
    program = PROGRAM.format(module=module, argv=argv)
    run = [sys.executable, "-c", program]
    answer = subprocess.run(run, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in answer.stdout.split()}


@pytest.mark.parametrize("module", ["wal_archive", "wal_restore"])
def test_wal_commands_on_a_directory_import_no_sdk(
    module: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = tmp_path_factory.mktemp("archive")
    name = "000000010000000000000001"
    file = [str(archive / name)]
    last = file if module == "wal_archive" else [name, *file]

    modules = imported(module, [f"file://{archive}", "main", *last])

    assert "cloudhoard" in modules
    assert modules & {*SDKS, *PLAIN_NEEDS_NEITHER, *SLOW} == set()
