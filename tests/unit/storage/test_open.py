import subprocess
import sys
from pathlib import Path

import pytest

from cloudhoard.errors import UsageError
from cloudhoard.storage.open import open_storage
from tests.support.stores import get, keys, put


def test_directory(tmp_path: Path) -> None:
    storage = open_storage(f"file://{tmp_path}/", prefix="main")
    put(storage, "a/b", b"content")

    assert storage.location == f"file://{tmp_path}/main"
    assert (tmp_path / "main" / "a" / "b").read_bytes() == b"content"


def test_directory_without_a_prefix(tmp_path: Path) -> None:
    storage = open_storage(f"file://{tmp_path}")
    put(storage, "a", b"content")

    assert storage.location == f"file://{tmp_path}"
    assert get(storage, "a") == b"content"


def test_memory_is_shared_by_name_within_a_process(tmp_path: Path) -> None:
    name = tmp_path.name
    put(open_storage(f"memory://{name}/x", prefix="main"), "a")

    assert keys(open_storage(f"memory://{name}/x/", prefix="main")) == ["a"]
    assert keys(open_storage(f"memory://{name}"), "x/") == ["x/main/a"]
    assert keys(open_storage(f"memory://{name}-other")) == []
    location = open_storage(f"memory://{name}/x", prefix="main").location
    assert location == f"memory://{name}/x/main"


@pytest.mark.parametrize("scheme", ["gs", "azure", "swift", "sftp"])
def test_store_of_a_later_version_is_refused(scheme: str) -> None:
    with pytest.raises(UsageError, match=f"{scheme}:// is not in this version"):
        open_storage(f"{scheme}://bucket/path")


def test_opening_asks_nothing_of_the_store() -> None:
    open_storage("file:///does/not/exist", prefix="main").close()


def test_directory_backend_imports_no_sdk(tmp_path: Path) -> None:
    script = (
        "import sys; from cloudhoard.storage.open import open_storage\n"
        f"open_storage('file://{tmp_path}').check_access()\n"
        "heavy = {'boto3', 'google', 'azure', 'swiftclient', 'paramiko', 'ssl',\n"
        "  'requests', 'asyncio', 'cryptography', 'zstandard', 'psycopg2', 'ctypes'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
