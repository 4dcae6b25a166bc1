import argparse
from pathlib import Path

import pytest

from cloudhoard.cli.restore_command import wal_restore_argv, warn_of_keys
from tests.support.parsers import options_of, parser_of


def arguments(*keys: Path, passphrase_file: Path | None = None) -> argparse.Namespace:
    return argparse.Namespace(
        private_key=list(keys),
        private_key_passphrase_file=passphrase_file,
        trusted_signer=[],
        accept_plain=False,
        url="file:///srv/backup",
        server_name="main",
    )


def test_program_comes_first_and_the_archive_last(tmp_path: Path) -> None:
    program, *rest = wal_restore_argv(arguments(tmp_path / "a", tmp_path / "b"))

    assert Path(program).name == "cloudhoard-wal-restore"
    assert rest == [
        "--no-config",
        *("--private-key", f"{tmp_path}/a", "--private-key", f"{tmp_path}/b"),
        *("file:///srv/backup", "main"),
    ]


def test_passphrase_that_a_person_typed_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = tmp_path / "ops.private.pem"
    key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")

    warn_of_keys(arguments(key, passphrase_file=key), None)
    assert caplog.text == ""
    warn_of_keys(arguments(key), None)
    assert "has a passphrase, for which the restored server cannot ask" in caplog.text


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, True), (0o640, False), (0o604, False), (0o400, True)]
)
def test_file_that_another_user_cannot_read_is_warned_of(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    mode: int,
    *,
    warned: bool,
) -> None:
    key = tmp_path / "ops.private.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\n")
    key.chmod(mode)
    owner = key.stat().st_uid

    warn_of_keys(arguments(key), owner + 1)
    assert ("cannot be read by" in caplog.text) is warned
    caplog.clear()
    warn_of_keys(arguments(key), owner)
    assert caplog.text == ""


NOT_PASSED_ON = {
    "--deadline",
    "--azure-credential",
    "--cloud-provider",
    "--config",
    "--help",
    "--log-format",
    "--no-config",
    "--quiet",
    "--site",
    "--test",
    "--verbose",
    "--version",
}
"""Options of both commands that do not decide what is read, and how."""


def shared_actions() -> list[argparse.Action]:
    both = options_of(parser_of("cloudhoard-wal-restore"))
    return [
        action
        for action in parser_of("cloudhoard-restore")._actions
        if both.intersection(action.option_strings)
        and NOT_PASSED_ON.isdisjoint(action.option_strings)
    ]


@pytest.mark.parametrize("action", shared_actions(), ids=lambda action: action.dest)
def test_what_restore_reads_with_the_restored_server_reads_with(
    action: argparse.Action,
) -> None:
    names = [name for name in action.option_strings if name.startswith("--")]
    values = [] if action.nargs == 0 else [str(next(iter(action.choices or "7")))]
    archive = ["s3://bucket/path", "main"]
    restore = parser_of("cloudhoard-restore")

    given = restore.parse_args([names[0], *values, *archive, "latest", "/d"])
    words = wal_restore_argv(given)[1:]

    got = parser_of("cloudhoard-wal-restore").parse_args([*words, "x", "y"])
    value, expected = getattr(got, action.dest), getattr(given, action.dest)
    if isinstance(expected, list):
        (value,), (expected,) = value, expected
    if isinstance(expected, Path):
        expected = expected.absolute()
    assert value == expected != action.default
