"""A command ends in time, in order if it can and at once if it cannot."""

import argparse
import signal
import subprocess
import sys
import threading

import pytest

from cloudhoard.cli.deadline import DeadlinePassed, deadline
from cloudhoard.cli.exit_codes import exit_code_for
from cloudhoard.cli.signals import Interrupted, signals_as_interrupted
from cloudhoard.cli.time_limits import deadline_of, timeouts_of
from cloudhoard.storage.in_progress import OPERATIONS

NEVER_ENDS = """
import time
from cloudhoard.cli.arguments import (
    CommandParser, add_archive_arguments, add_common_options
)
from cloudhoard.cli.exit_codes import exit_code_for
from cloudhoard.cli.runner import run_command

def run(args):
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            pass

parser = CommandParser("cloudhoard-try", "Try.")
add_archive_arguments(parser, "source_url")
add_common_options(parser)
argv = ["s3://b", "main"]
exit_code = lambda error: 192 + exit_code_for(error)
run_command(parser, run, argv, usual_deadline=1, exit_code=exit_code)
"""


def report(error: Exception, code: int) -> None:
    raise AssertionError(f"{error} {code}")


def limited(seconds: float) -> None:
    """Wait, in the middle of an operation, for what never comes."""
    with (
        signals_as_interrupted(),
        deadline(seconds, exit_code=exit_code_for, report=report),
        OPERATIONS.doing("read one from s3://b/main"),
        OPERATIONS.doing("look for two in s3://b/main"),
    ):
        threading.Event().wait()


def test_block_that_hangs_is_unwound_and_says_what_it_was_at() -> None:
    with pytest.raises(DeadlinePassed) as caught:
        limited(0.3)

    message = "cannot read one from s3://b/main: the deadline of 0.3 s has passed"
    assert caught.value.message == message
    assert "--deadline" in str(caught.value.hint)
    assert exit_code_for(caught.value) == 2
    assert OPERATIONS.oldest() is None


def test_outside_the_store_the_deadline_holds_as_well() -> None:
    with (
        pytest.raises(DeadlinePassed, match=r"^the deadline of 0.2 s has passed$"),
        signals_as_interrupted(),
        deadline(0.2, exit_code=exit_code_for, report=report),
    ):
        threading.Event().wait()


def test_block_that_ends_in_time_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with (
        signals_as_interrupted(),
        deadline(3600, exit_code=exit_code_for, report=report),
    ):
        pass

    assert signal.getsignal(signal.SIGALRM) is before


def test_another_signal_is_not_taken_for_the_deadline() -> None:
    with (
        pytest.raises(Interrupted, match="SIGALRM"),
        signals_as_interrupted(),
        deadline(3600, exit_code=exit_code_for, report=report),
    ):
        signal.raise_signal(signal.SIGALRM)


def test_command_that_does_not_unwind_is_ended_with_its_message() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", NEVER_ENDS],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 194
    assert "cloudhoard-try: error: the deadline of 1 s has passed" in ended.stderr


@pytest.mark.parametrize(
    ("url", "given", "expected"),
    [
        ("s3://b", None, 300),
        ("s3://b", 5, 5),
        ("s3://b", 0, 0),
        ("file:///srv", None, 0),
        ("file:///srv", 5, 5),
        (None, None, 0),
    ],
)
def test_usual_deadline_is_for_stores_in_the_network(
    url: str | None, given: int | None, expected: int
) -> None:
    args = argparse.Namespace(url=url, deadline=given)

    assert deadline_of(args, 300) == expected


@pytest.mark.parametrize(
    ("limit", "connect", "read", "expected"),
    [
        (None, None, None, (10, 60)),
        (300, None, None, (10, 60)),
        (20, None, None, (5, 5)),
        (20, 15, 90, (15, 90)),
        (0, None, 90, (10, 90)),
    ],
)
def test_silences_fit_into_a_deadline_unless_they_are_given(
    limit: int | None, connect: int | None, read: int | None, expected: tuple[int, int]
) -> None:
    args = argparse.Namespace(
        deadline=limit, connect_timeout=connect, read_timeout=read
    )

    assert timeouts_of(args, connect=10, read=60) == expected
