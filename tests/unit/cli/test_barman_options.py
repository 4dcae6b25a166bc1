"""Long options are shortened as barman-cloud allows it, and no further."""

import pytest

from cloudhoard.cli.barman_options import LONG_OPTIONS, with_full_names
from cloudhoard.errors import UsageError
from tests.support.parsers import COMMANDS, options_of, parser_of

BARMAN_S: list[str] = sorted(set(COMMANDS) & set(LONG_OPTIONS))


def full(*words: str, command: str = "cloudhoard-backup") -> list[str]:
    return with_full_names(command, words, options_of(parser_of(command)))


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("--immediate", "--immediate-checkpoint"),
        ("--imm", "--immediate-checkpoint"),
        ("--dbn=host=db1", "--dbname=host=db1"),
        ("--jobs", "--jobs"),
        ("--gz", "--gzip"),
        ("--cloud=aws-s3", "--cloud-provider=aws-s3"),
        ("--versi", "--version"),
    ],
)
def test_beginning_of_one_option_of_barman_is_that_option(
    short: str, long: str
) -> None:
    assert full("-v", short, "x") == ["-v", long, "x"]


@pytest.mark.parametrize("word", ["--wal-time", "--volume", "--x", "---", "-imm"])
def test_options_of_ours_are_not_shortened(word: str) -> None:
    assert full(word) == [word]


def test_what_stands_behind_two_hyphens_is_no_option() -> None:
    assert full("--imm", "--", "--imm") == ["--immediate-checkpoint", "--", "--imm"]


def test_a_value_is_left_alone() -> None:
    assert full("--name", "-imm", "a=--imm") == ["--name", "-imm", "a=--imm"]


def test_beginning_of_several_is_an_error_that_names_them() -> None:
    with pytest.raises(UsageError, match="--sse-customer-key, --sse-kms-key-id"):
        full("--sse", "x")


def test_a_shortened_option_is_parsed() -> None:
    parser = parser_of("cloudhoard-backup")

    args = parser.parse_args(["--imm", "file:///x", "main", "--max-a", "1GB"])

    assert args.immediate_checkpoint is True
    assert args.max_archive_size == 1 << 30


@pytest.mark.parametrize("command", BARMAN_S)
def test_no_option_of_ours_takes_a_beginning_away(command: str) -> None:
    barman_s = LONG_OPTIONS[command]
    ours = {name for name in options_of(parser_of(command)) if name[:2] == "--"}

    taken = {
        name
        for name in ours - set(barman_s)
        if sum(each.startswith(name) for each in barman_s) == 1
    }

    known = {"cloudhoard-wal-archive": {"--compression"}}  # see docs/adr/0012
    assert taken == known.get(command, set())
