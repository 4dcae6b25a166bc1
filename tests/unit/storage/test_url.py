import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.errors import UsageError
from cloudhoard.storage.url import StorageUrl, parse_storage_url

ACCESS_POINT = "arn:aws:s3:eu-west-1:123456789012:accesspoint/name"
OLDER_FORM = "arn:aws:s3:eu-west-1:123456789012:accesspoint:name"
IN_CHINA = "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/name"
OUTPOST = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-0123/accesspoint/name"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket", StorageUrl("s3", "bucket")),
        ("s3://bucket/", StorageUrl("s3", "bucket")),
        ("S3://bucket/a/b/", StorageUrl("s3", "bucket", "a/b")),
        ("s3://bucket//a", StorageUrl("s3", "bucket", "a")),
        (f"s3://{ACCESS_POINT}", StorageUrl("s3", ACCESS_POINT)),
        (f"s3://{ACCESS_POINT}/a//b/", StorageUrl("s3", ACCESS_POINT, "a/b")),
        (f"s3://{OLDER_FORM}/a", StorageUrl("s3", OLDER_FORM, "a")),
        (f"s3://{OUTPOST}/a", StorageUrl("s3", OUTPOST, "a")),
        (f"s3://{IN_CHINA}/a", StorageUrl("s3", IN_CHINA, "a")),
        ("gs://bucket/a", StorageUrl("gs", "bucket", "a")),
        (
            "https://console.cloud.google.com/storage/browser/bucket/a",
            StorageUrl("gs", "bucket", "a"),
        ),
        ("azure://box/a", StorageUrl("azure", "box", "a")),
        (
            "https://acc.blob.core.windows.net/box/a/",
            StorageUrl("azure", "box", "a", account="acc"),
        ),
        ("swift://box/a", StorageUrl("swift", "box", "a")),
        ("sftp://me@host:22/srv/a", StorageUrl("sftp", "me@host:22", "srv/a")),
        ("file:///srv/a", StorageUrl("file", "/srv/a")),
        ("file://localhost/srv/a/", StorageUrl("file", "/srv/a")),
        ("file:///srv//a%20b c?d", StorageUrl("file", "/srv/a%20b c?d")),
        ("file:///", StorageUrl("file", "/")),
        ("memory://x/a", StorageUrl("memory", "x", "a")),
    ],
)
def test_place_that_a_url_names(text: str, url: StorageUrl) -> None:
    assert parse_storage_url(text) == url
    assert parse_storage_url(str(url)) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/srv/backup",
        "bucket",
        "ftp://host/a",
        "s3:bucket",
        "s3://",
        "s3:///a",
        "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/",
        "s3://arn:aws:s3:::bucket/a",
        "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/name/../a",
        "s3://arn:aws:sns:eu-west-1:123456789012:accesspoint/name",
        "gs:///",
        "file://srv/backup",
        "file://",
        "file://localhostile/a",
        "file:///srv/../etc",
        "file:///srv/./a",
        "s3://bucket/../a",
        "file:///srv/a\nb",
        "file:///srv/a\0b",
        "https://example.com/a",
        "https://blob.core.windows.net/a",
        "https://acc.blob.core.windows.net.example.com/box",
        "https://acc.blob.core.windows.net/",
    ],
)
def test_text_that_names_no_place_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_storage_url(text)

    assert caught.value.hint
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "sftp://me:s3cret@host/a",
        "https://acc.blob.core.windows.net/box?sig=s3cret",
        "https://acc.blob.core.windows.net/box/a?sv=1&sig=s3cret",
        "https://me:s3cret@example.com/a",
        "ftp://me:s3cret@host/a",
        "me:s3cret@host:/srv",
        "--primary-conninf=host=h password=s3cret",
    ],
)
def test_secret_in_a_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_storage_url(text)

    assert "s3cret" not in caught.value.message + (caught.value.hint or "")


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        url = parse_storage_url(text)
    except UsageError:
        return
    assert parse_storage_url(str(url)) == url


@given(st.text(max_size=30))
def test_any_path_of_a_directory_is_absolute_or_refused(text: str) -> None:
    try:
        url = parse_storage_url(f"file://{text}")
    except UsageError:
        return
    assert url.container.startswith("/")
    assert ".." not in url.container.split("/")
