"""A process of its own that works on a storage, to be killed, traced and raced.

``python store_process.py URL put KEY SIZE [READY GO]`` stores SIZE bytes; with READY
it makes that file when half of them are written and goes on when GO appears. Prints
"stored", or the name of the error.
"""

import sys
import time
from pathlib import Path

from cloudhoard.storage.errors import StorageError
from cloudhoard.storage.open import open_storage
from cloudhoard.storage.protocol import Storage

WITNESSES = ("cloudhoard/archive.json", "wals/")


def main(arguments: list[str]) -> None:
    url, action, *rest = arguments
    storage = open_storage(url, prefix="main", witnesses=WITNESSES)
    try:
        answer = _put(storage, *rest) if action == "put" else _delete(storage, rest)
    except StorageError as error:
        answer = f"{type(error).__name__} {error}"
    sys.stdout.write(f"{answer}\n")


def _put(storage: Storage, key: str, size: str, ready: str = "", go: str = "") -> str:
    half = int(size) // 2
    with storage.open_write(key, at_most=int(size)) as sink:
        sink.write(b"x" * half)
        if ready:
            Path(ready).touch()
        while go and not Path(go).exists():
            time.sleep(0.001)
        sink.write(b"x" * (int(size) - half))
    return "stored"


def _delete(storage: Storage, keys: list[str]) -> str:
    storage.delete_objects(keys)
    return "deleted"


if __name__ == "__main__":
    main(sys.argv[1:])
