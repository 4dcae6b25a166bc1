"""Commands of a few lines, run for their exit codes and what they print."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cloudhoard.cli.arguments import CommandParser, add_common_options
from cloudhoard.cli.exit_codes import ExitCode
from cloudhoard.cli.output import print_text
from cloudhoard.cli.runner import run_command
from cloudhoard.errors import CloudHoardError, DamagedError, UsageError

Run = Callable[[object], int | None]


def make_parser() -> CommandParser:
    parser = CommandParser("cloudhoard-try", "Try.")
    add_common_options(parser)
    return parser


def raising(error: BaseException) -> Run:
    def run(_args: object) -> None:
        raise error

    return run


def test_success_prints_nothing_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(make_parser(), lambda _args: None, []) == ExitCode.OK
    assert capsys.readouterr() == ("", "")


def test_an_exit_code_that_is_returned_is_passed_on() -> None:
    assert run_command(make_parser(), lambda _args: 5, []) == ExitCode.DAMAGED


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        pytest.param(
            UsageError("no such backup", hint="list them"),
            ExitCode.USAGE,
            "cloudhoard-try: error: no such backup\ncloudhoard-try: hint: list them\n",
            id="with a hint",
        ),
        pytest.param(
            DamagedError("100 % \x1b[31mbad\nnews"),
            ExitCode.DAMAGED,
            "cloudhoard-try: error: 100 % \\x1b[31mbad\\x0anews\n",
            id="with control characters",
        ),
        pytest.param(
            OSError(28, "No space left on device", "/srv/x"),
            ExitCode.INTERNAL,
            "cloudhoard-try: error: /srv/x: no space left on device\n",
            id="of the operating system",
        ),
        pytest.param(
            KeyError("oops"),
            ExitCode.INTERNAL,
            "cloudhoard-try: error: internal error: KeyError: 'oops'\n"
            "cloudhoard-try: hint: this should not happen: run again with -vv and "
            "report what it prints\n",
            id="a bug",
        ),
    ],
)
def test_an_error_is_one_line_and_a_hint(
    error: Exception, code: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(make_parser(), raising(error), []) == code
    assert capsys.readouterr() == ("", printed)


def test_a_trace_is_shown_when_asked_for_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_command(make_parser(), raising(CloudHoardError("x")), ["-v"])
    assert "Traceback" not in capsys.readouterr().err

    run_command(make_parser(), raising(CloudHoardError("x")), ["-vv"])
    assert "Traceback" in capsys.readouterr().err


def test_messages_can_be_json(capsys: pytest.CaptureFixture[str]) -> None:
    error = UsageError("no such\nbackup", hint="list them")
    run_command(make_parser(), raising(error), ["--log-format", "json"])

    document = json.loads(capsys.readouterr().err)

    assert document["program"] == "cloudhoard-try"
    assert document["level"] == "error"
    assert document["message"] == "no such\nbackup"
    assert document["hint"] == "list them"
    assert document["exit_code"] == ExitCode.USAGE
    assert document["pid"] == os.getpid()


@pytest.mark.parametrize("words", [["--log-format", "json"], ["--log-format=json"], []])
def test_a_wrong_command_line_is_told_in_json(
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not words:
        monkeypatch.setenv("CLOUDHOARD_LOG_FORMAT", "json")

    run_command(make_parser(), raising(AssertionError()), ["--bogus", *words])

    document = json.loads(capsys.readouterr().err)
    assert document["message"] == "unrecognized arguments: --bogus"
    assert document["exit_code"] == ExitCode.USAGE


def test_a_wrong_command_line_exits_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(make_parser(), raising(AssertionError()), ["--bogus"]) == 3
    assert capsys.readouterr().err.startswith(
        "cloudhoard-try: error: unrecognized arguments: --bogus\n"
    )


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "-V"])
def test_help_and_version_exit_0(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(make_parser(), raising(AssertionError()), [option]) == 0
    assert "cloudhoard-try" in capsys.readouterr().out


def test_a_command_may_decide_on_exit_codes_itself() -> None:
    code = run_command(
        make_parser(), raising(UsageError("x")), [], exit_code=lambda _error: 195
    )

    assert code == 195


def test_signal_handlers_are_put_back() -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]

    run_command(make_parser(), lambda _args: print_text("x"), [])

    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


PROGRAM = """
import signal, sys, time
from cloudhoard.cli.arguments import CommandParser, add_common_options
from cloudhoard.cli.output import print_text
from cloudhoard.cli.runner import run_command
from cloudhoard.cli.signals import die_by_signal

def run(args):
    try:
        {body}
    finally:
        time.sleep(0.2)
        print("cleaned up", file=sys.stderr, flush=True)

parser = CommandParser("cloudhoard-try", "Try.")
add_common_options(parser)
sys.exit(run_command(parser, run, {options}))
"""
WAIT = 'print("started", flush=True); time.sleep(60)'
# Unbuffered, what is written late would be written at once.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}


def start(body: str, options: str = "") -> subprocess.Popen[str]:
    program = PROGRAM.format(body=body, options=options or "[]")
    argv = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT)


def interrupt(
    process: subprocess.Popen[str], numbers: Sequence[signal.Signals]
) -> tuple[int, str]:
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.05)
    try:
        _, messages = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    return process.returncode, messages


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_and_exits_1(number: signal.Signals) -> None:
    code, messages = interrupt(start(WAIT), [number])

    assert code == ExitCode.FAILED
    assert messages == (
        f"cleaned up\ncloudhoard-try: error: interrupted by {number.name}\n"
    )


def test_further_signals_do_not_break_the_cleaning_up_off() -> None:
    code, messages = interrupt(start(WAIT), [signal.SIGTERM, signal.SIGINT])

    assert code == ExitCode.FAILED
    assert messages.startswith("cleaned up\n")


def test_a_command_may_die_by_the_signal_itself() -> None:
    process = start(WAIT, "[], on_signal=die_by_signal")

    code, messages = interrupt(process, [signal.SIGTERM])

    assert code == -signal.SIGTERM
    assert messages.startswith("cleaned up\n")


def test_a_signal_that_was_ignored_stays_ignored() -> None:
    program = PROGRAM.format(body=WAIT.replace("60", "0.5"), options="[]")
    with subprocess.Popen(
        ["nohup", sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as survivor:
        code, _messages = interrupt(survivor, [signal.SIGHUP])

    assert code == ExitCode.OK


@pytest.mark.parametrize("lines", [1, 10_000])
def test_a_reader_that_has_gone_is_no_news(lines: int) -> None:
    process = start(f'[print_text("x" * 100) for _ in range({lines})]')
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait(30) == ExitCode.FAILED
    assert process.stderr is not None
    assert process.stderr.read() == "cleaned up\n"
    process.stderr.close()


def test_a_full_disk_behind_stdout_is_not_a_success() -> None:
    program = PROGRAM.format(body='print_text("x")', options="[]")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", program],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=ENVIRONMENT,
        )

    assert ended.returncode == ExitCode.INTERNAL
    assert "cloudhoard-try: error: no space left on device\n" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full"])
def test_messages_that_cannot_be_written_change_nothing(redirected: str) -> None:
    program = PROGRAM.format(body='raise ValueError("x")', options="[]")
    # The program's own print would fail, too.
    program = program.replace("print(", "(lambda *a, **k: None)(")
    shell = f'exec "$0" -c "$1" {redirected}'

    ended = subprocess.run(
        ["sh", "-c", shell, sys.executable, program], check=False, env=ENVIRONMENT
    )

    assert ended.returncode == ExitCode.INTERNAL
