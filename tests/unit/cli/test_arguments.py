from pathlib import Path

import pytest

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_common_options,
    add_decoding_options,
    add_encoding_options,
    add_format_option,
)
from cloudhoard.errors import UsageError


def make_parser(*, optional_last: bool = False) -> CommandParser:
    parser = CommandParser(prog="cloudhoard-try", description="Try.")
    add_archive_arguments(parser, "source_url")
    parser.add_argument("last", nargs="?" if optional_last else None)
    add_common_options(parser)
    add_encoding_options(parser)
    add_decoding_options(parser)
    add_format_option(parser)
    return parser


@pytest.mark.parametrize("optional_last", [True, False])
@pytest.mark.parametrize(
    "argv",
    [
        ["-v", "-z", "URL", "main", "x"],
        ["URL", "-v", "main", "-z", "x"],
        ["URL", "main", "-z", "-v", "x"],
        ["URL", "main", "x", "-vz"],
    ],
)
def test_options_may_stand_anywhere(argv: list[str], *, optional_last: bool) -> None:
    args = make_parser(optional_last=optional_last).parse_args(argv)

    assert (args.url, args.server_name, args.last) == ("URL", "main", "x")
    assert (args.verbose, args.compression) == (1, "gzip")


def test_optional_positional_may_be_missing() -> None:
    args = make_parser(optional_last=True).parse_args(["URL", "main", "-t"])

    assert (args.last, args.test) == (None, True)


def test_files_may_be_given_several_times() -> None:
    keys = ["--public-key", "a", "--public-key", "b"]
    parser = make_parser()

    args = parser.parse_args(["URL", "main", "x", *keys])

    assert args.public_key == [Path("a"), Path("b")]
    assert parser.parse_args(["URL", "main", "x"]).public_key == []


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param([], "required: SOURCE_URL", id="nothing"),
        pytest.param(["URL", "main", "x", "y"], "unrecognized", id="too many"),
        pytest.param(["URL", "main", "x", "--verb"], "unrecognized", id="abbreviated"),
        pytest.param(["URL", "main", "x", "-z", "--xz"], "not allowed", id="both"),
        pytest.param(["URL", "main", "x", "-v", "-q"], "not allowed", id="loud, quiet"),
        pytest.param(["URL", "main", "x", "--format", "xml"], "xml", id="format"),
        pytest.param(["--cloud-provider", "x"], "--cloud-provider", id="provider"),
    ],
)
def test_a_wrong_command_line_is_one_line_with_a_hint(
    argv: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make_parser().parse_args(argv)

    assert "\n" not in caught.value.message
    assert caught.value.hint == "see cloudhoard-try --help, or cloudhoard-try(1)"


_CONNINFO = "postgresql://u:pw@h"


@pytest.mark.parametrize("optional_last", [True, False])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([f"--conninf={_CONNINFO}"], "--conninf", id="after equals"),
        pytest.param(["--conninf", _CONNINFO], "--conninf", id="a word of its own"),
        pytest.param(["--conninf=host=h password=pw"], "--conninf", id="with space"),
        pytest.param([f"-X{_CONNINFO}"], "-X", id="one letter"),
        pytest.param(["--a=pw", "-b", "--c", "pw"], "--a -b --c", id="several"),
        pytest.param(["user=u", "password=pw"], "user=... password=...", id="pairs"),
        pytest.param([_CONNINFO, "y"], "postgresql:... y", id="URL"),
    ],
)
def test_values_of_unknown_options_are_not_repeated(
    words: list[str], message: str, *, optional_last: bool
) -> None:
    with pytest.raises(UsageError) as caught:
        make_parser(optional_last=optional_last).parse_args(
            ["URL", "main", "x", *words]
        )

    assert caught.value.message == f"unrecognized arguments: {message}"


def test_value_of_an_option_that_takes_none_is_not_repeated() -> None:
    with pytest.raises(UsageError) as caught:
        make_parser().parse_args(["URL", "main", "x", f"--test={_CONNINFO}"])

    assert caught.value.message == "argument -t/--test: takes no value"


def test_short_help_can_be_left_to_another_option() -> None:
    parser = CommandParser("cloudhoard-try", "Try.", short_help=False)
    parser.add_argument("-h", "--host")

    assert parser.parse_args(["-h", "db1"]).host == "db1"


def test_every_option_and_argument_has_a_help_text() -> None:
    actions = make_parser()._actions

    assert [a.dest for a in actions if not a.help] == ["last"]
