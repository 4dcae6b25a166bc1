"""Make the keys of one key id in a directory, which may have to be made too."""

from pathlib import Path

from cloudhoard.codec.key_generation import CreatedKeys, create_key_files
from cloudhoard.codec.key_id import check_key_id
from cloudhoard.durable import fsync_directory
from cloudhoard.errors import UsageError


def create_key_pair(
    key_id: str, output_dir: Path, *, bits: int, passphrase: bytes | None
) -> CreatedKeys:
    """Make the four files in output_dir; they are durable on return.

    A directory that is not there is made with mode 0700; its parent has to be there.

    Raises:
        UsageError: key_id, bits or output_dir are not what they must be.
        OperationFailed: one of the files exists.
        OSError: the files cannot be written.
    """
    check_key_id(key_id)
    _make_directory(output_dir)
    return create_key_files(key_id, output_dir, bits=bits, passphrase=passphrase)


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError as error:
        if not path.is_dir():
            raise UsageError(f"--output-dir {path} is not a directory") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            f"--output-dir {path}: {path.parent} is not there",
            hint=f"make it first: mkdir -p {path.parent}",
        ) from error
    else:
        path.chmod(0o700)
        fsync_directory(path.parent)
