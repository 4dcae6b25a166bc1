"""cloudhoard-create-keys, as people call it."""

import json
import os
import pty
import stat
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cloudhoard.codec.keys import PrivateKey, PublicKey, SigningKey, TrustedSigner
from cloudhoard.commands import create_keys

PROGRAM = "from cloudhoard.commands.create_keys import main; raise SystemExit(main())"
BITS = ("--bits", "3072")


def create(directory: Path, *options: str, key_id: str = "ops") -> int:
    place = ["--key-id", key_id, "--output-dir", str(directory)]
    return create_keys.main([*place, *BITS, *options])


def test_four_files_are_made_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "keys"

    assert create(directory) == 0

    shown = capsys.readouterr()
    assert shown.err == ""
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert sorted(path.name for path in directory.iterdir()) == [
        "ops.private.pem",
        "ops.public.pem",
        "ops.signing.pem",
        "ops.signing.public.pem",
    ]
    writing = (
        f"--public-key {directory}/ops.public.pem"
        f" --signing-key {directory}/ops.signing.pem"
    )
    assert (
        f"archive_command = 'cloudhoard-wal-archive {writing} URL SERVER_NAME %p'"
        in shown.out
    )
    assert f"cloudhoard-backup {writing} URL SERVER_NAME" in shown.out
    public = PublicKey.load(directory / "ops.public.pem")
    assert public.fingerprint.hex() in shown.out


def test_json_names_files_and_fingerprints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert create(tmp_path, "--format", "json") == 0

    shown = json.loads(capsys.readouterr().out)
    assert shown == {
        "key_id": "ops",
        "public_key": str(tmp_path / "ops.public.pem"),
        "private_key": str(tmp_path / "ops.private.pem"),
        "signing_key": str(tmp_path / "ops.signing.pem"),
        "trusted_signer": str(tmp_path / "ops.signing.public.pem"),
        "fingerprint": PrivateKey.load(tmp_path / "ops.private.pem").fingerprint.hex(),
        "signer_fingerprint": SigningKey.load(
            tmp_path / "ops.signing.pem"
        ).fingerprint.hex(),
    }
    TrustedSigner.load(tmp_path / "ops.signing.public.pem")


def test_configuration_line_is_quoted_as_postgresql_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "100% o'keys"

    assert create(directory) == 0

    line = capsys.readouterr().out.partition("archive_command = ")[2].splitlines()[0]
    # postgresql.conf: '' is a quote; archive_command: %% is a percent sign.
    command = line[1:-1].replace("''", "'").replace("%%", "%")
    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert words[2] == f"{directory}/ops.public.pem"


def test_second_run_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()

    assert create(tmp_path) == 1

    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == (
        f"cloudhoard-create-keys: error: {tmp_path}/ops.private.pem exists,"
        " and key files are never overwritten"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--key-id", "a/b"], "'a/b' is not a key id"),
        (["--bits", "2048"], "an RSA key of 2048 bits is not made"),
        (["--bits", "many"], "--bits"),
        (["--passphrase", "secret"], "unrecognized arguments"),
        (["--passphrase-file", "/nowhere"], "passphrase file /nowhere: no such file"),
        (["--ask-passphrase"], "there is no terminal to ask for a passphrase"),
        (["--ask-passphrase", "--passphrase-file", "x"], "not allowed with"),
        (["--output-dir", "/nowhere/keys"], "--output-dir /nowhere/keys: /nowhere is"),
        (["--output-dir", "/dev/null"], "--output-dir /dev/null is not a directory"),
        (["--output-dir", "/dev/null/keys"], "--output-dir /dev/null/keys: /dev/null"),
    ],
)
def test_bad_command_line_exits_3_and_makes_nothing(
    options: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    assert create(tmp_path / "keys", *options) == 3

    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err.splitlines()[0]
    assert not list(tmp_path.glob("**/*.pem"))


def test_passphrase_comes_from_the_files_first_line(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_bytes(b"correct horse\nsecond line\n")

    assert create(tmp_path, "--passphrase-file", str(passphrase)) == 0

    key = PrivateKey.load(tmp_path / "ops.private.pem", lambda: b"correct horse")
    assert key.key_id == "ops"


def ask(directory: Path, answers: bytes) -> int:
    """Run the command on a terminal, answer its questions, return its exit code."""
    place = ["--key-id", "ops", "--output-dir", str(directory)]
    argv = [*place, *BITS, "--ask-passphrase"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM, *argv])  # noqa: S606
    try:
        for answer in answers.splitlines(keepends=True):
            wait_for_question(terminal)
            os.write(terminal, answer)
        drain(terminal)
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def wait_for_question(terminal: int) -> None:
    """Read until the terminal no longer echoes, which is when getpass listens."""
    shown = b""
    while not shown.rstrip(b" ").endswith(b":"):
        shown += os.read(terminal, 1000)
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        time.sleep(0.01)


def drain(terminal: int) -> None:
    """Read to the end, which a terminal reports as an error."""
    with suppress(OSError):
        while os.read(terminal, 1000):
            pass


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_passphrase_is_asked_for_twice(tmp_path: Path) -> None:
    assert ask(tmp_path, b"correct horse\ncorrect horse\n") == 0

    PrivateKey.load(tmp_path / "ops.private.pem", lambda: b"correct horse")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
@pytest.mark.parametrize("answers", [b"one\nanother\n", b"\n"])
def test_passphrase_that_is_none_or_mistyped_makes_nothing(
    answers: bytes, tmp_path: Path
) -> None:
    assert ask(tmp_path, answers) == 3

    assert list(tmp_path.iterdir()) == []
