"""PostgreSQL starts the commands once a segment: they import only what they use."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.key_files import KeyFiles
from tests.support.wal_files import FIRST, DataDirectory, archive

SDKS = {"boto3", "botocore", "google", "azure", "swiftclient", "paramiko", "requests"}
SLOW = {"asyncio", "multiprocessing", "xml", "email", "http", "unittest", "ctypes"}
PLAIN_NEEDS_NONE = {"psycopg2", "cryptography", "random", "secrets", "shutil"} | {
    "tomllib",
    "difflib",
}
LIBRARIES = {"gzip": "zlib", "bzip2": "bz2", "xz": "lzma", "snappy": "cramjam"} | {
    "zstd": "zstandard",
    "lz4": "lz4",
}
"""What compresses, but for zlib, which Python itself imports."""

PROGRAM = """
import sys
from cloudhoard.commands.{module} import main
code = main({argv})
print(*sorted(name for name in sys.modules), sep="\\n")
sys.exit(code)
"""


def imported(module: str, root: Path, *arguments: str | Path) -> set[str]:
    """The top-level packages that a successful run has imported."""
    argv = [f"file://{root.parent}", root.name, *map(str, arguments)]
    program = PROGRAM.format(module=module, argv=argv)
    run = [sys.executable, "-c", program]
    answer = subprocess.run(run, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    modules = {name.partition(".")[0] for name in answer.stdout.split()}
    assert "cloudhoard" in modules
    return modules


@pytest.mark.parametrize("when", ["first", "again", "compressed otherwise before"])
def test_wal_archive_imports_neither_an_sdk_nor_cryptography(
    when: str, root: Path, data: DataDirectory
) -> None:
    path = data.segment(FIRST)
    if when != "first":
        archive(root, path)
    options = ["--compression", "none"] if when.startswith("compressed") else []

    modules = imported("wal_archive", root, path, *options)

    assert modules & (SDKS | SLOW | PLAIN_NEEDS_NONE) == set()


def test_wal_restore_imports_neither_an_sdk_nor_cryptography(
    root: Path, data: DataDirectory
) -> None:
    archive(root, data.segment(FIRST))

    modules = imported("wal_restore", root, FIRST, data.destination)

    assert modules & (SDKS | SLOW | PLAIN_NEEDS_NONE) == set()


@pytest.mark.parametrize("compression", LIBRARIES)
def test_only_the_library_of_the_compression_is_imported(
    compression: str, root: Path, data: DataDirectory
) -> None:
    others = {*LIBRARIES.values(), "gzip"} - {LIBRARIES[compression], "zlib"}
    option = f"--compression={compression}"

    modules = imported("wal_archive", root, data.segment(FIRST), option)
    assert modules & others == set()

    modules = imported("wal_restore", root, FIRST, data.destination)
    assert modules & others == set()


def test_encrypting_imports_no_sdk(
    root: Path, data: DataDirectory, tmp_path: Path
) -> None:
    keys = KeyFiles.make(tmp_path)

    modules = imported("wal_archive", root, data.segment(FIRST), *keys.encrypting)
    assert modules & (SDKS | SLOW | {"psycopg2"}) == set()

    destination = str(data.destination)
    modules = imported("wal_restore", root, FIRST, destination, *keys.decrypting)
    assert modules & (SDKS | SLOW | {"psycopg2"}) == set()
