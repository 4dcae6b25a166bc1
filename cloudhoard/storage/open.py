"""From a URL to the storage behind it; backends are imported on demand."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloudhoard.errors import UsageError
from cloudhoard.storage.protocol import Storage
from cloudhoard.storage.url import StorageUrl, parse_storage_url

if TYPE_CHECKING:
    from cloudhoard.storage.s3_options import S3Options


def open_storage(
    url: str | StorageUrl,
    *,
    prefix: str = "",
    witnesses: Sequence[str] = (),
    options: "S3Options | None" = None,
) -> Storage:
    """Return the storage at ``url/prefix``; nothing is asked of the store yet.

    Args:
        url: where; its directory or container must exist when it is used.
        prefix: what comes before every key, such as the server's name.
        witnesses: keys, or directories with a last slash, one of which must be seen
            before a store that may be unmounted is believed when it says that an
            object is absent; the first is the one that makes an archive. Stores
            that tell a missing container from a missing object do not need them.
        options: how the store is reached; None leaves it to the environment. Only
            stores of the kind that they are for look at them.

    Raises:
        UsageError: the URL names no store, or one that this version cannot use.
    """
    place = parse_storage_url(url) if isinstance(url, str) else url
    match place.scheme:
        case "file":
            from cloudhoard.storage.backends.local import LocalStorage  # noqa: PLC0415

            return LocalStorage(place.container, prefix, witnesses=witnesses)
        case "memory":
            from cloudhoard.storage.backends.memory import (  # noqa: PLC0415
                MemoryContainer,
                MemoryStorage,
            )

            container = MemoryContainer.named(place.container)
            path = "/".join(filter(None, (place.path, prefix)))
            return MemoryStorage(container, path)
        case "s3":
            try:
                from cloudhoard.storage.backends.s3 import S3Storage  # noqa: PLC0415
            except ModuleNotFoundError as error:
                raise _without_library("s3", error) from error

            path = "/".join(filter(None, (place.path, prefix)))
            return S3Storage(place.container, path, options)
        case scheme:
            message = f"{scheme}:// is not in this version"
            raise UsageError(message, hint="use s3://BUCKET/PATH or file:///PATH")


def _without_library(scheme: str, error: ModuleNotFoundError) -> UsageError:
    package = (error.name or "").partition(".")[0]
    return UsageError(
        f"{scheme}:// needs the Python package {package}, which is not installed",
        hint=f"pip install 'cloudhoard[{scheme}]'",
    )
