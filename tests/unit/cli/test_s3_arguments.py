"""What is said about S3 on a command line, and what comes of it."""

from pathlib import Path

import pytest

from cloudhoard.cli.s3_wiring import s3_options_of
from cloudhoard.errors import UsageError
from cloudhoard.storage.s3_options import S3Options
from tests.support.parsers import parser_of

PLACE = ["s3://b", "main", "x"]


def options(*words: str) -> S3Options:
    return s3_options_of(parser_of("cloudhoard-wal-archive").parse_args(list(words)))


@pytest.mark.parametrize(
    "words",
    [
        [*PLACE, "--tag", "a,1", "--tag", " b , x=y z "],
        [*PLACE, "--tags", "a,1", "b,x=y z"],
        ["--tags", '"a",1', 'b,"x=y z"', "-v", *PLACE],
    ],
)
def test_tags_in_both_of_barmans_forms(words: list[str]) -> None:
    assert options(*words).tags == (("a", "1"), ("b", "x=y z"))


@pytest.mark.parametrize("name", ["--history-tag", "--history-tags"])
def test_history_files_have_tags_of_their_own(name: str) -> None:
    found = options(*PLACE, "--tag", "a,1", name, "b,2")

    assert (found.tags, found.history_tags) == ((("a", "1"),), (("b", "2"),))
    assert options(*PLACE).history_tags is None
    assert options(*PLACE, "--history-tags").history_tags == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tag", "a"], "'a' is not KEY,VALUE"),
        (["--tags", "a,b,c"], "'a,b,c' is not KEY,VALUE"),
        (["--tags", '"a,b'], "is not KEY,VALUE"),
        (["--tag", ",b"], "is not KEY,VALUE"),
        (["--tag", "a,\u00e4"], "is not KEY,VALUE"),
        (["--tag", "a" * 129 + ",b"], "is not KEY,VALUE"),
        (["--tag", "a," + "b" * 257], "is not KEY,VALUE"),
        (["--tag", "aws:a,b"], "aws: is Amazon's"),
        (["--tag", "a,1", "--tags", "b,2"], "not allowed with"),
        (["--tag", "a,1", "--tag", "a,2"], "the key 'a' is given twice"),
        (["--tags", *(f"k{n},v" for n in range(11))], "11 tags, and S3 takes 10"),
        (["--sse-kms-key-id", "x"], "needs --encryption aws:kms"),
        (["-e", "AES256", "--sse-customer-key", "file:///x"], "exclude each other"),
        (["--max-parts", "0"], "0 is less than 1"),
        (["--retries", "-1"], "-1 is less than 0"),
    ],
)
def test_what_does_not_fit_is_an_error(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        options(*PLACE, *words)


def test_customer_key_is_read_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n")

    found = options(*PLACE, "--sse-customer-key", path.as_uri())

    assert found.customer_key == b"01234567890123456789012345678901"
    assert "0123" not in repr(found)


def test_numbers_reach_the_store() -> None:
    found = options(*PLACE, "--retries", "0", "--max-parts", "1000")

    assert (found.retries, found.max_parts) == (0, 1000)


def test_without_the_option_a_command_has_its_usual_number_of_retries() -> None:
    assert options(*PLACE).usual_retries == 3


@pytest.mark.parametrize("command", ["backup", "restore", "wal-restore"])
def test_what_is_not_simply_called_again_is_patient(command: str) -> None:
    words = {"backup": 0, "restore": 2, "wal-restore": 2}[command] * ["x"]

    args = parser_of(f"cloudhoard-{command}").parse_args(["s3://b", "main", *words])

    assert s3_options_of(args).usual_retries == 9
