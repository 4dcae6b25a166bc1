"""From arguments to the things that operations work with.

What is slow to import (cryptography takes a tenth of a second) is imported by the
commands that use it, when they use it.
"""

import argparse
import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from cloudhoard.cli.time_limits import is_local
from cloudhoard.domain.archive_layout import WITNESSES, check_server_name
from cloudhoard.errors import UsageError
from cloudhoard.storage.open import open_storage
from cloudhoard.storage.protocol import Storage
from cloudhoard.storage.url import StorageUrl, parse_storage_url

if TYPE_CHECKING:
    from cloudhoard.codec.decoding import Decoding
    from cloudhoard.codec.encoding import Encoding

_Result = TypeVar("_Result")

DEFAULT_COMPRESSION: Final = "zstd:3"

_SCHEMES: Final = {
    "aws-s3": "s3",
    "azure-blob-storage": "azure",
    "google-cloud-storage": "gs",
    "openstack-swift": "swift",
    "sftp": "sftp",
    "local": "file",
}
_TAKES_EMPTY_COMPONENTS: Final = frozenset({"s3", "memory"})
"""Schemes of stores where ``a//b`` is another key than ``a/b``."""


@contextmanager
def opened_archive(args: argparse.Namespace) -> Iterator[Storage]:
    """Open the archive that args name, and close it after the block.

    Raises:
        UsageError: URL, server name and provider are wrong or do not fit together.
    """
    with closing(_open(args, parse_storage_url(args.url))) as storage:
        yield storage


@contextmanager
def opened_catalog(args: argparse.Namespace, *, always: bool) -> Iterator[Storage]:
    """Open the archive as opened_archive does, for what is done to its backups.

    Annotations that barman-cloud has misplaced are seen, always or where backups of
    its are; see WithMisplacedKeeps.
    """
    url = parse_storage_url(args.url)
    archive = _open(args, url)
    if url.scheme in _TAKES_EMPTY_COMPONENTS and url.path:
        from cloudhoard.operations.misplaced_keeps import (  # noqa: PLC0415
            WithMisplacedKeeps,
        )

        beside = replace(url, path=f"{url.path}/")
        archive = WithMisplacedKeeps(
            archive, lambda: _open(args, beside), always=always
        )
    with closing(archive) as storage:
        yield storage


def _open(args: argparse.Namespace, url: StorageUrl) -> Storage:
    prefix = check_server_name(args.server_name)
    if args.cloud_provider and _SCHEMES[args.cloud_provider] != url.scheme:
        raise UsageError(
            f"--cloud-provider {args.cloud_provider} does not fit {url.scheme}://",
            hint="leave the option out: the URL says which store it is",
        )
    options = None
    if url.scheme == "s3":
        from cloudhoard.cli.s3_wiring import s3_options_of  # noqa: PLC0415

        options = s3_options_of(args)
    storage = open_storage(url, prefix=prefix, witnesses=WITNESSES, options=options)
    if not is_local(args) or args.deadline:
        from cloudhoard.storage.in_progress import NamedStorage  # noqa: PLC0415

        return NamedStorage(storage)
    return storage


def read_archive(
    args: argparse.Namespace, read: Callable[[Storage, "Decoding | None"], _Result]
) -> _Result | None:
    """Return what read makes of the archive, given whose signatures are asked for.

    With ``--test`` the archive is only reached, and the result is None.

    Raises:
        UsageError: as opened_archive and trust_of.
    """
    trust = trust_of(args)
    with opened_catalog(args, always=False) as storage:
        if args.test:
            storage.check_access()
            return None
        return read(storage, trust)


def encoding_of(args: argparse.Namespace) -> "Encoding":
    """Return how objects are to be written.

    Raises:
        UsageError: a compression that we do not have, or whose library is not
            installed, or a key file that is none.
    """
    from cloudhoard.codec.compression import Compression  # noqa: PLC0415
    from cloudhoard.codec.encoding import Encoding  # noqa: PLC0415

    compression = Compression.parse(_compression_text(args))
    compression.check()
    if args.signing_key and not args.public_key:
        raise UsageError(
            "--signing-key without --public-key: only encrypted objects are signed",
            hint="give the --public-key too",
        )
    if not args.public_key:
        return Encoding(compression)
    from cloudhoard.codec.keys import PublicKey, SigningKey  # noqa: PLC0415

    return Encoding(
        compression,
        recipients=tuple(PublicKey.load(path) for path in args.public_key),
        signer=SigningKey.load(args.signing_key) if args.signing_key else None,
    )


def _compression_text(args: argparse.Namespace) -> str:
    """Return NAME[:LEVEL] out of --compression and --compression-level."""
    text: str = args.compression or DEFAULT_COMPRESSION
    if args.compression_level is None:
        return text
    name, separator, level = text.partition(":")
    if separator and args.compression is not None:
        raise UsageError(
            f"--compression-level {args.compression_level} and --compression {text} "
            "both set the level",
            hint=f"leave out one: --compression {name}:{level}",
        )
    if name == "snappy":  # has none; barman-cloud takes any, and so do we
        return name
    return f"{name}:{args.compression_level}"


def decoding_of(args: argparse.Namespace) -> "Decoding":
    """Return how objects are to be read; asks for a passphrase only when needed.

    Raises:
        UsageError: a key file that is none, or whose passphrase is not known.
    """
    from cloudhoard.codec.decoding import Decoding  # noqa: PLC0415

    if not args.private_key and not args.trusted_signer:
        return Decoding(accept_plain=args.accept_plain)
    from cloudhoard.codec.keys import PrivateKey, TrustedSigner  # noqa: PLC0415

    passphrase_file: Path | None = args.private_key_passphrase_file
    return Decoding(
        private_keys=tuple(
            PrivateKey.load(path, passphrase_source(passphrase_file, path))
            for path in args.private_key
        ),
        trusted_signers=tuple(TrustedSigner.load(path) for path in args.trusted_signer),
        accept_plain=args.accept_plain,
    )


def trust_of(args: argparse.Namespace) -> "Decoding | None":
    """Return whose signatures are asked for; None where nobody's are.

    Raises:
        UsageError: a key file that is none.
    """
    if not args.trusted_signer:
        return None
    from cloudhoard.codec.decoding import Decoding  # noqa: PLC0415
    from cloudhoard.codec.keys import TrustedSigner  # noqa: PLC0415

    signers = tuple(TrustedSigner.load(path) for path in args.trusted_signer)
    return Decoding(trusted_signers=signers)


def passphrase_source(
    passphrase_file: Path | None, key_path: Path
) -> Callable[[], bytes] | None:
    """Return what tells a key's passphrase: its file, a person, or None.

    A person is asked only on a terminal, so that cron and PostgreSQL do not hang.
    """
    if passphrase_file is not None:
        return lambda: read_passphrase(passphrase_file)
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    return lambda: getpass.getpass(f"Passphrase of {key_path}: ").encode()


def read_passphrase(path: Path) -> bytes:
    """Return the first line of a passphrase file, without its line end.

    Raises:
        UsageError: the file cannot be read, or its first line is empty.
    """
    try:
        with path.open("rb") as file:
            line = file.readline(65536)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"passphrase file {path}: {reason.lower()}") from error
    passphrase = line.rstrip(b"\r\n")
    if not passphrase:
        raise UsageError(f"passphrase file {path}: the first line is empty")
    return passphrase
