"""Uploads that killed commands left behind: invisible, and paid for."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cloudhoard.storage.s3_bucket import S3Bucket
from cloudhoard.storage.s3_errors import SDK_ERRORS
from cloudhoard.storage.s3_parts import drop_upload

_ABANDONED: Final = timedelta(days=1)
"""Age after which nobody is believed to be at work on an upload any more."""

_log = logging.getLogger(__name__)


def drop_uploads_of(bucket: S3Bucket, key: str) -> None:
    """Abort all uploads of one key, which exists now: none of them can succeed."""
    for upload in _uploads(bucket, key):
        if upload["Key"] == bucket.path + key:
            _drop(bucket, upload)


def drop_abandoned_uploads(bucket: S3Bucket, prefix: str) -> None:
    """Abort the uploads below prefix that nobody can be at work on any more."""
    newest = datetime.now(UTC) - _ABANDONED
    for upload in _uploads(bucket, prefix):
        if upload["Initiated"] < newest:
            _drop(bucket, upload)


def _drop(bucket: S3Bucket, upload: dict[str, Any]) -> None:
    _log.info("dropping the unfinished upload of %s", upload["Key"])
    place = {"Bucket": bucket.name, "Key": upload["Key"]}
    drop_upload(bucket, {**place, "UploadId": upload["UploadId"]})


def _uploads(bucket: S3Bucket, prefix: str) -> Iterator[dict[str, Any]]:
    place = {"Bucket": bucket.name, "Prefix": bucket.path + prefix}
    markers: dict[str, str] = {}
    try:
        while True:
            page = bucket.client.list_multipart_uploads(**place, **markers)
            yield from page.get("Uploads", [])
            if not page.get("IsTruncated") or not page.get("NextKeyMarker"):
                return
            markers = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page.get("NextUploadIdMarker", ""),
            }
    except SDK_ERRORS as error:
        _log.info("cannot look for unfinished uploads below %s: %s", prefix, error)
