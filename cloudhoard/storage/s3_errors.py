"""From an error of the S3 SDK to one of the five kinds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from urllib3.exceptions import HTTPError

from cloudhoard.errors import CloudHoardError, UsageError
from cloudhoard.storage.errors import (
    AccessDenied,
    ContainerNotFound,
    ObjectNotFound,
    StorageError,
    StorageFull,
    StorageUnavailable,
)

SDK_ERRORS: Final = (ClientError, BotoCoreError, HTTPError, OSError)
"""What a request, or reading its answer, may raise."""

DAMAGED_ON_THE_WAY: Final = {"BadDigest", "XAmzContentSHA256Mismatch"}
"""Codes for a body that is not what was sent; the SDK does not send it again."""

_CREDENTIALS_HINT: Final = "check AWS_ACCESS_KEY_ID, AWS_PROFILE or --aws-profile"
_REGION_HINT: Final = "the bucket is in another region: set --region"

_CODES: Final[dict[str, type[StorageError]]] = {
    "NoSuchKey": ObjectNotFound,
    "XMinioInvalidObjectName": ObjectNotFound,  # and no object can have that name
    "NoSuchBucket": ContainerNotFound,
    "PermanentRedirect": ContainerNotFound,
    "AccessDenied": AccessDenied,
    "AccountProblem": AccessDenied,
    "AllAccessDisabled": AccessDenied,
    "AuthorizationHeaderMalformed": AccessDenied,
    "ExpiredToken": AccessDenied,
    "InvalidAccessKeyId": AccessDenied,
    "InvalidToken": AccessDenied,
    "RequestTimeTooSkewed": AccessDenied,
    "SignatureDoesNotMatch": AccessDenied,
    "TokenRefreshRequired": AccessDenied,
    "QuotaExceeded": StorageFull,
    "XMinioAdminBucketQuotaExceeded": StorageFull,
    "XMinioStorageFull": StorageFull,
}
_STATUSES: Final[dict[int, type[StorageError]]] = {
    401: AccessDenied,
    403: AccessDenied,
    507: StorageFull,
}
_HINTS: Final[dict[str, str]] = {
    "NoSuchBucket": "create the bucket, or correct the URL",
    "PermanentRedirect": _REGION_HINT,
    "AuthorizationHeaderMalformed": _REGION_HINT,
    "ExpiredToken": "renew the credentials",
    "InvalidAccessKeyId": _CREDENTIALS_HINT,
    "SignatureDoesNotMatch": "check the secret key, and --region",
    "RequestTimeTooSkewed": "set the clock of this host",
}
_DENIED_HINT: Final = "docs/storage.md lists the permissions that are needed"
_LOST_CREDENTIALS: Final = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)


def code_of(error: BaseException) -> str:
    """Return the provider's code, or the HTTP status of an answer without one."""
    if not isinstance(error, ClientError):
        return type(error).__name__
    return str(error.response.get("Error", {}).get("Code") or status_of(error))


def status_of(error: BaseException) -> int:
    """Return the HTTP status; 0 where there was no answer."""
    return int(_metadata(error).get("HTTPStatusCode") or 0)


def was_retried(error: BaseException) -> bool:
    """Tell whether the SDK had sent the request before: its answer may be lost."""
    return bool(_metadata(error).get("RetryAttempts"))


def _metadata(error: BaseException) -> dict[str, Any]:
    if not isinstance(error, ClientError):
        return {}
    return dict(error.response.get("ResponseMetadata", {}))


def s3_error(error: Exception, doing: str) -> CloudHoardError:
    """Return what error means for the caller of a storage.

    What is in no table is StorageUnavailable: unknown means that the answer is not
    known, never that the object is not there.

    Args:
        error: one of SDK_ERRORS.
        doing: what failed, with the object and the place: "write KEY to URL".
    """
    if isinstance(error, ClientError):
        code = code_of(error)
        kind = _CODES.get(code) or _STATUSES.get(status_of(error), StorageUnavailable)
        hint = _HINTS.get(code, _DENIED_HINT if kind is AccessDenied else None)
        text = error.response.get("Error", {}).get("Message")
        reason = f"{_sentence(text)} ({code})" if text else code
        return kind(f"cannot {doing}: {reason}", hint=hint)
    reason = f"{_sentence(str(error))} ({code_of(error)})"
    message = f"cannot {doing}: {reason}"
    if isinstance(error, ParamValidationError):
        return UsageError(message, hint="check the bucket's name in the URL")
    if isinstance(error, _LOST_CREDENTIALS):
        return AccessDenied(message, hint=_CREDENTIALS_HINT)
    return StorageUnavailable(message, hint=_connection_hint(error))


def _connection_hint(error: Exception) -> str | None:
    match error:
        case SSLError():
            return "give the authority that signed the certificate by --ca-bundle"
        case ProxyConnectionError():
            return "check HTTPS_PROXY and NO_PROXY"
        case HTTPClientError():
            return "check --endpoint-url, --region and the network"
        case _:
            return None


@contextmanager
def s3_errors_as_storage_errors(doing: str) -> Iterator[None]:
    """Translate the errors of the backend's own requests.

    Never to be put around a ``yield``: the caller's errors would be taken for ours.
    """
    try:
        yield
    except SDK_ERRORS as error:
        raise s3_error(error, doing) from error


def _sentence(text: str) -> str:
    """Return the first line of text as we write messages."""
    line = " ".join(text.split()).rstrip(".")
    # A word such as BadDigest or HTTP keeps its capitals.
    return line[:1].lower() + line[1:] if line[1:2].islower() else line
