"""Where a client's requests go, without sending any."""

from urllib.parse import urlsplit

import pytest

from cloudhoard.storage.s3_client import connect
from cloudhoard.storage.s3_options import S3Options
from tests.support.s3_store import credentials

ACCESS_POINT = "arn:aws:s3:eu-west-1:123456789012:accesspoint/name"
OUTPOST_ID = "op-01234567890123456"
OUTPOST = (
    f"arn:aws:s3-outposts:us-west-2:123456789012:outpost/{OUTPOST_ID}/accesspoint/name"
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in credentials(("key", "secret")).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


@pytest.mark.parametrize(
    ("bucket", "endpoint", "expected"),
    [
        ("backups", None, "backups.s3.amazonaws.com/main/key"),
        ("backups", "https://s3.example.com", "s3.example.com/backups/main/key"),
        (
            ACCESS_POINT,
            None,
            "name-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/main/key",
        ),
        (
            OUTPOST,
            None,
            f"name-123456789012.{OUTPOST_ID}.s3-outposts.us-west-2.amazonaws.com/main/key",
        ),
        (
            ACCESS_POINT,
            "https://vpce.example.com",
            "name-123456789012.vpce.example.com/main/key",
        ),
    ],
)
def test_place_of_an_object(bucket: str, endpoint: str | None, expected: str) -> None:
    client = connect(S3Options(endpoint_url=endpoint), bucket).client

    named = {"Bucket": bucket, "Key": "main/key"}
    url = urlsplit(client.generate_presigned_url("get_object", Params=named))

    assert url.netloc + url.path == expected
