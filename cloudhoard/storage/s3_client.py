"""A client of one S3 endpoint, set up so that S3 compatibles work as well.

The SDK's own chain finds credentials, profile, region and endpoint. On an endpoint
that is not AWS's the newer checksums are off and buckets are part of the path, unless
the user's own settings say otherwise: many of these stores know nothing else.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ProfileNotFound

import cloudhoard
from cloudhoard.errors import UsageError
from cloudhoard.storage.s3_options import S3Options

_MORE_CONNECTIONS: Final = 12
"""Beside those that send parts: readers, listings, other threads."""
_DEFAULT_REGION: Final = "us-east-1"
_WHEN_REQUIRED: Final = "when_required"


@dataclass(frozen=True, slots=True)
class S3Connection:
    """A client, which threads may share, and what to know about its endpoint."""

    client: Any
    endpoint: str | None
    """URL of an endpoint that is not AWS's, without a last slash."""
    sends_md5: bool
    """Whether uploads carry a Content-MD5, as the SDK adds no checksum of its own."""


def connect(options: S3Options, bucket: str = "") -> S3Connection:
    """Return a client; nothing is asked of the store yet.

    bucket is the one that it is for: an access point's ARN says its region.

    Raises:
        UsageError: the profile, the endpoint or another setting is no good.
    """
    # The SDK writes whole requests, customer keys included, into its debug log.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        session = botocore.session.Session(profile=options.profile)
        profile: Mapping[str, Any] = session.get_scoped_config()
        settings = _UserSettings(profile)
        endpoint = _endpoint(session, settings, options)
        region = (
            options.region
            or _region_of(bucket)
            or session.get_config_variable("region")
        )
        md5 = endpoint is not None and not settings.asks_for_checksums
        client = session.create_client(
            "s3",
            region_name=region or (endpoint and _DEFAULT_REGION),
            endpoint_url=endpoint,
            verify=str(options.ca_bundle) if options.ca_bundle else None,
            config=Config(
                **_config(
                    settings,
                    options,
                    is_custom=endpoint is not None,
                    in_path=endpoint is not None and not _is_access_point(bucket),
                )
            ),
        )
    except ProfileNotFound as error:
        hint = "profiles are in ~/.aws/config and ~/.aws/credentials"
        raise UsageError(_first_line(error), hint=hint) from error
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"s3: {_first_line(error)}") from error
    return S3Connection(client, endpoint, sends_md5=md5)


@dataclass(frozen=True, slots=True)
class _UserSettings:
    """What the environment and the profile say, where the SDK has a default."""

    profile: Mapping[str, Any]

    def get(self, name: str) -> str | None:
        return os.environ.get(f"AWS_{name.upper()}") or self.profile.get(name)

    @property
    def asks_for_checksums(self) -> bool:
        calculation = self.get("request_checksum_calculation")
        return (calculation or _WHEN_REQUIRED).lower() != _WHEN_REQUIRED

    @property
    def addressing_style(self) -> str | None:
        s3 = self.profile.get("s3")
        return s3.get("addressing_style") if isinstance(s3, Mapping) else None


def _config(
    settings: _UserSettings, options: S3Options, *, is_custom: bool, in_path: bool
) -> dict[str, Any]:
    config: dict[str, Any] = {
        "user_agent": f"cloudhoard/{cloudhoard.__version__}",
        "connect_timeout": options.connect_timeout,
        "read_timeout": options.read_timeout,
        "tcp_keepalive": True,
        "max_pool_connections": options.parts_in_flight + _MORE_CONNECTIONS,
        "retries": {
            "mode": settings.get("retry_mode") or "standard",
            "total_max_attempts": _attempts(settings, options),
        },
    }
    style = options.addressing_style
    if style is None and in_path and settings.addressing_style is None:
        style = "path"
    if style is not None:
        config["s3"] = {"addressing_style": style}
    if is_custom:
        for name in ("request_checksum_calculation", "response_checksum_validation"):
            if settings.get(name) is None:
                config[name] = _WHEN_REQUIRED
    return config


def _is_access_point(bucket: str) -> bool:
    return bucket.startswith("arn:")


def _region_of(bucket: str) -> str | None:
    return bucket.split(":")[3] or None if _is_access_point(bucket) else None


def _attempts(settings: _UserSettings, options: S3Options) -> int:
    if options.retries is not None:
        return options.retries + 1
    return int(settings.get("max_attempts") or options.usual_retries + 1)


def _endpoint(session: Any, settings: _UserSettings, options: S3Options) -> str | None:
    """The endpoint that was set, by whatever way the SDK offers; None for AWS's."""
    url = options.endpoint_url
    ignored = (settings.get("ignore_configured_endpoint_urls") or "").lower() == "true"
    if url is None and not ignored:
        environment = os.environ
        url = (
            environment.get("AWS_ENDPOINT_URL_S3")
            or environment.get("AWS_ENDPOINT_URL")
            or _service_endpoint(session, settings)
            or settings.profile.get("endpoint_url")
        )
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "the S3 endpoint is not a URL of http or https"
        raise UsageError(message, hint="write it as https://HOST[:PORT]")
    if "@" in parts.netloc or parts.query:
        message = "the URL of the S3 endpoint carries a secret"
        raise UsageError(message, hint="give credentials by the environment or a file")
    return url.rstrip("/")


def _service_endpoint(session: Any, settings: _UserSettings) -> str | None:
    """The endpoint of the ``services`` section that the profile names, if any."""
    services = session.full_config.get("services", {})
    section = services.get(settings.profile.get("services", ""), {})
    s3 = section.get("s3")
    return s3.get("endpoint_url") if isinstance(s3, Mapping) else None


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0].rstrip(".")
    return text[:1].lower() + text[1:]
