import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloudhoard.cli.arguments import (
    CommandParser,
    add_archive_arguments,
    add_decoding_options,
    add_encoding_options,
)
from cloudhoard.cli.wiring import (
    decoding_of,
    encoding_of,
    opened_archive,
    read_passphrase,
)
from cloudhoard.errors import UsageError


def parsed(*options: str) -> argparse.Namespace:
    parser = CommandParser("cloudhoard-try", "Try.")
    add_archive_arguments(parser, "destination_url")
    add_encoding_options(parser)
    add_decoding_options(parser)
    return parser.parse_args(list(options))


def test_the_archive_lies_below_the_url_by_the_server_s_name(tmp_path: Path) -> None:
    with opened_archive(parsed(f"file://{tmp_path}/", "main")) as storage:
        with storage.open_write("cloudhoard/archive.json", at_most=2) as sink:
            sink.write(b"{}")
        assert storage.location == f"file://{tmp_path}/main"

    assert (tmp_path / "main" / "cloudhoard" / "archive.json").read_bytes() == b"{}"


@pytest.mark.parametrize("name", ["..", "a/b", "", "a b", "ä"])
def test_what_is_no_server_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError), opened_archive(parsed("memory://x", name)):
        pass


def test_a_provider_that_does_not_fit_the_url_is_refused() -> None:
    fitting = parsed("memory://x", "main", "--cloud-provider", "aws-s3")

    with pytest.raises(UsageError, match="does not fit"), opened_archive(fitting):
        pass


@pytest.mark.parametrize(
    ("options", "suffix"),
    [
        ([], ".zst"),
        (["--compression", "none"], ""),
        (["--compression", "zstd:19"], ".zst"),
        (["--zstd", "--compression-level", "-5"], ".zst"),
        (["--compression-level", "high"], ".zst"),
    ],
)
def test_objects_are_compressed_as_the_options_say(
    options: list[str], suffix: str
) -> None:
    assert encoding_of(parsed("memory://x", "main", *options)).suffix == suffix


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--compression", "rar"], id="unknown"),
        pytest.param(["--compression", "zstd:fast"], id="no number"),
        pytest.param(["--compression-level", "loud"], id="no level"),
        pytest.param(
            ["--compression", "zstd:3", "--compression-level", "4"], id="two levels"
        ),
        pytest.param(["--public-key", "/nonexistent/key"], id="no key file"),
        pytest.param(["--signing-key", "/nonexistent/key"], id="signed, in plain"),
    ],
)
def test_an_encoding_that_cannot_be_is_refused(options: list[str]) -> None:
    with pytest.raises(UsageError):
        encoding_of(parsed("memory://x", "main", *options))


def test_plain_objects_need_no_key() -> None:
    decoding = decoding_of(parsed("memory://x", "main"))

    assert decoding.private_keys == ()
    assert decoding.trusted_signers == ()


def test_passphrase_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(b" open sesame \r\nnot this\n")

    assert read_passphrase(path) == b" open sesame "


def test_an_empty_or_missing_passphrase_file_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"\nsecond line\n")

    for path in (empty, tmp_path / "missing"):
        with pytest.raises(UsageError, match="passphrase file"):
            read_passphrase(path)


def test_nobody_is_asked_for_a_passphrase_without_a_terminal(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from cloudhoard.cli.wiring import passphrase_source\n"
        f"print(passphrase_source(None, Path({str(tmp_path)!r})))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout == "None\n"


def test_a_person_is_asked_for_a_passphrase_that_is_not_shown() -> None:
    program = (
        "from pathlib import Path\n"
        "from cloudhoard.cli.wiring import passphrase_source\n"
        "ask = passphrase_source(None, Path('ops.private.pem'))\n"
        "print(len(ask()))"
    )
    ours, theirs = os.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = os.read(ours, 1000)
        os.write(ours, b"sesame\n")
        process.wait(30)
        while not shown.endswith(b"6\r\n"):
            shown += os.read(ours, 1000)
        os.close(ours)

    assert shown == b"Passphrase of ops.private.pem: \r\n6\r\n"
