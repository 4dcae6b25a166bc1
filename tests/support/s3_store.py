"""Buckets of the servers that speak S3, for tests."""

import os
import uuid
from functools import cache
from typing import Any, Final

import botocore.session
from botocore.config import Config

from cloudhoard.storage.backends.s3 import S3Storage
from cloudhoard.storage.s3_options import MIB, S3Options
from tests.services.seaweedfs import ADMIN

ENVIRONMENT: Final = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""What keeps the settings of this machine away."""


def credentials(user: tuple[str, str]) -> dict[str, str]:
    """Return the environment by which a command becomes user."""
    access_key, secret_key = user
    return {
        **ENVIRONMENT,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
    }


TWO_KINDS_OF_UPLOAD: Final = {"largest_put": 6 * MIB, "part_size": 5 * MIB}
"""Options with which objects of some MiB are sent in parts."""


@cache
def plain_client(endpoint: str) -> Any:
    """Return the SDK's own client, for what tests arrange and look at."""
    return botocore.session.Session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=ADMIN[0],
        aws_secret_access_key=ADMIN[1],
        config=Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


class Bucket:
    """A new, empty bucket."""

    def __init__(self, endpoint: str, user: tuple[str, str]) -> None:
        self.user = user
        self.endpoint = endpoint
        self.name = f"t-{uuid.uuid4().hex[:12]}"
        self.client = plain_client(endpoint)
        self.client.create_bucket(Bucket=self.name)

    def open(
        self, prefix: str = "main", *, endpoint: str | None = None, **options: Any
    ) -> S3Storage:
        """Return a new storage, by way of another endpoint if one is given."""
        chosen = {**TWO_KINDS_OF_UPLOAD, "endpoint_url": endpoint or self.endpoint}
        before = dict(os.environ)
        os.environ.update(credentials(self.user))
        try:
            return S3Storage(self.name, prefix, S3Options(**{**chosen, **options}))
        finally:
            os.environ.clear()
            os.environ.update(before)

    def uploads(self, key: str) -> list[str]:
        """Return the ids of the unfinished uploads of a key."""
        found = self.client.list_multipart_uploads(Bucket=self.name, Prefix=key)
        return [upload["UploadId"] for upload in found.get("Uploads", [])]

    def remove(self) -> None:
        """Delete everything, and the bucket."""
        while found := self.client.list_objects_v2(Bucket=self.name).get("Contents"):
            for item in found:
                self.client.delete_object(Bucket=self.name, Key=item["Key"])
        self.client.delete_bucket(Bucket=self.name)
