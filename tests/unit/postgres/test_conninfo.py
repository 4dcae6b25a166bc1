import pytest

from cloudhoard.errors import UsageError
from cloudhoard.postgres.conninfo import check_conninfo


@pytest.mark.parametrize(
    "text",
    [
        "host=primary",
        "host=a,b port=5432 user=replicator passfile=/etc/pgpass sslmode=verify-full",
        "postgresql://replicator@primary:5433/?sslmode=require",
        "service=primary",
    ],
)
def test_connection_string_is_taken(text: str) -> None:
    check_conninfo(text, "--primary-conninfo")


@pytest.mark.parametrize(
    "text", ["", " ", "primary", "hots=primary", "host='x", "passwort=geheim"]
)
def test_what_libpq_does_not_understand_is_refused_unrepeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_conninfo(text, "--primary-conninfo")

    assert caught.value.message == (
        "--primary-conninfo is not a connection string that libpq understands"
    )
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        "host=primary password=geheim",
        "postgresql://me:geheim@primary/",
        "postgresql://me@primary/?sslpassword=geheim",
    ],
)
def test_password_is_refused_unrepeated_with_a_better_place(text: str) -> None:
    with pytest.raises(UsageError, match="which everybody") as caught:
        check_conninfo(text, "--primary-conninfo")

    assert "geheim" not in caught.value.message
    assert caught.value.hint is not None
    assert ".pgpass" in caught.value.hint
