"""Storage URLs: what the operator writes, and the place that it means."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cloudhoard.errors import UsageError

_GOOGLE_CONSOLE: Final = "console.cloud.google.com/storage/browser/"
_AZURE_HOST: Final = re.compile(r"([a-z0-9-]+)\.blob\.core\.windows\.net")
_ACCESS_POINT: Final = re.compile(
    r"(arn:[a-z0-9-]+:(?:s3|s3-outposts):[a-z0-9-]*:[0-9]+:"
    r"(?:outpost[/:][^/:]+[/:])?accesspoint[/:][^/:]+)(?:/(.*))?"
)
_ARN: Final = "arn:"
_HINT: Final = (
    "write s3://BUCKET/PATH, gs://BUCKET/PATH, azure://CONTAINER/PATH, "
    "https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH, swift://CONTAINER/PATH, "
    "sftp://[USER@]HOST[:PORT]/PATH or file:///PATH"
)


@dataclass(frozen=True, slots=True)
class StorageUrl:
    """A place where objects are kept; holds no secret."""

    scheme: str
    """One of s3, gs, azure, swift, sftp, file, memory."""
    container: str
    """Bucket or container; for file the absolute directory, for sftp the host.

    For s3 it may be the ARN of an access point, which has slashes in it.
    """
    path: str = ""
    """What comes before every key in the container, without outer slashes."""
    account: str | None = None
    """Azure storage account, where the URL names it."""

    def __str__(self) -> str:
        place = f"{self.container}/{self.path}" if self.path else self.container
        if self.account is None:
            return f"{self.scheme}://{place}"
        return f"https://{self.account}.blob.core.windows.net/{place}"


def parse_storage_url(text: str) -> StorageUrl:
    """Return the place that text names; a trailing slash changes nothing.

    Nothing is percent-decoded: a URL names the bytes that stand in it.

    Raises:
        UsageError: it names none. Secrets that it may hold are not repeated.
    """
    scheme, separator, rest = text.partition("://")
    parse = _PARSERS.get(scheme.lower()) if separator else None
    if parse is None:
        shown = f"{scheme}://" if separator else text.partition("@")[2] or text
        shown = shown.partition("=")[0]  # an option with a space in it comes as a URL
        message = f"{shown!r} is not the URL of a store"
        raise UsageError(message, hint=_HINT)
    if not rest.isprintable():
        message = f"control character in a {scheme}:// URL"
        raise UsageError(message, hint=_HINT)
    return parse(rest)


def _in_container(scheme: str) -> Callable[[str], StorageUrl]:
    def parse(rest: str) -> StorageUrl:
        container, path = _split(scheme, rest)
        return StorageUrl(scheme, container, path)

    return parse


def _parse_s3(rest: str) -> StorageUrl:
    if not rest.startswith(_ARN):
        return _in_container("s3")(rest)
    arn = _ACCESS_POINT.fullmatch(rest)
    if arn is None:
        hint = "write s3://arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/PATH"
        raise UsageError("the s3:// URL names no access point by its ARN", hint=hint)
    return StorageUrl("s3", arn[1], _clean_path("s3", arn[2] or ""))


def _parse_https(rest: str) -> StorageUrl:
    if rest.startswith(_GOOGLE_CONSOLE):
        return _in_container("gs")(rest.removeprefix(_GOOGLE_CONSOLE))
    host, _, place = rest.partition("/")
    account = _AZURE_HOST.fullmatch(host.lower())
    if account is None:
        message = "an https:// URL is taken for Azure and Google Cloud Storage only"
        raise UsageError(message, hint=_HINT)
    if "?" in place:
        message = "the URL carries a query, which may be a secret"
        hint = "give the SAS token through AZURE_STORAGE_SAS_TOKEN"
        raise UsageError(message, hint=hint)
    container, path = _split("https", place)
    return StorageUrl("azure", container, path, account=account[1])


def _parse_sftp(rest: str) -> StorageUrl:
    user, at, _ = rest.partition("/")[0].rpartition("@")
    if at and ":" in user:
        message = "the sftp:// URL carries a password"
        raise UsageError(message, hint="use a key, or a password file")
    host, path = _split("sftp", rest)
    return StorageUrl("sftp", host, path)


def _parse_file(rest: str) -> StorageUrl:
    rest = rest.removeprefix("localhost")
    if not rest.startswith("/"):
        message = f"file://{rest} does not name an absolute directory"
        hint = "three slashes: file:///srv/backup"
        raise UsageError(message, hint=hint)
    return StorageUrl("file", "/" + _clean_path("file", rest))


def _split(scheme: str, rest: str) -> tuple[str, str]:
    container, _, path = rest.partition("/")
    if not container:
        message = f"the {scheme}:// URL names no container"
        raise UsageError(message, hint=_HINT)
    return container, _clean_path(scheme, path)


def _clean_path(scheme: str, path: str) -> str:
    """Return path with single slashes between its components and none around."""
    components = [component for component in path.split("/") if component]
    if "." in components or ".." in components:
        message = f"'.' or '..' in the path of a {scheme}:// URL"
        raise UsageError(message, hint="write the path without them")
    return "/".join(components)


_PARSERS: Final[dict[str, Callable[[str], StorageUrl]]] = {
    "s3": _parse_s3,
    "gs": _in_container("gs"),
    "azure": _in_container("azure"),
    "swift": _in_container("swift"),
    "memory": _in_container("memory"),
    "https": _parse_https,
    "sftp": _parse_sftp,
    "file": _parse_file,
}
