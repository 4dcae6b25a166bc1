"""Run one command: from its arguments to its exit code."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

from cloudhoard.cli.exit_codes import ExitCode, exit_code_for
from cloudhoard.cli.log_setup import (
    apply_log_options,
    expect_log_format,
    messages_on_stderr,
)
from cloudhoard.cli.output import OutputClosed, flush_output
from cloudhoard.cli.signals import Interrupted, signals_as_interrupted
from cloudhoard.cli.time_limits import deadline_of
from cloudhoard.errors import CloudHoardError

_log = logging.getLogger(__name__)


def _failed(_number: signal.Signals) -> int:
    return ExitCode.FAILED


def run_command(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], int | None],
    argv: Sequence[str] | None = None,
    *,
    exit_code: Callable[[BaseException], int] = exit_code_for,
    on_signal: Callable[[signal.Signals], int] = _failed,
    usual_deadline: float = 0,
) -> int:
    """Return the exit code of run(args), after reporting the error it ended in.

    run returns None or an exit code, or raises. exit_code decides what an error
    ends in; on_signal is called after a signal has unwound everything (wal-restore
    gives signals.die_by_signal). usual_deadline is the number of seconds after which
    a command without --deadline gives up on a store in the network; 0: never.
    """
    with messages_on_stderr(parser.prog) as handler:
        expect_log_format(handler, sys.argv[1:] if argv is None else argv)
        try:
            with signals_as_interrupted():
                args = parser.parse_args(argv)
                apply_log_options(handler, args)
                with _time_limit(deadline_of(args, usual_deadline), exit_code):
                    code = run(args)
                    flush_output()
        except SystemExit as ended:  # --help and --version
            return _exit_status(ended)
        except OutputClosed:
            return ExitCode.FAILED
        except (Interrupted, KeyboardInterrupt) as error:
            number = error.number if isinstance(error, Interrupted) else signal.SIGINT
            _log.error("interrupted by %s", number.name)
            return on_signal(number)
        except Exception as error:  # noqa: BLE001 - the one place
            return _reported(error, exit_code(error))
        return code or ExitCode.OK


def _time_limit(
    seconds: float, exit_code: Callable[[BaseException], int]
) -> AbstractContextManager[None]:
    if not seconds:
        return nullcontext()
    # Imported only where it is needed: it costs each start.
    from cloudhoard.cli.deadline import deadline  # noqa: PLC0415

    return deadline(seconds, exit_code=exit_code, report=_reported)


def _reported(error: Exception, code: int) -> int:
    message, hint = _explained(error)
    with_trace = _log.isEnabledFor(logging.DEBUG)
    extra = {"hint": hint, "exit_code": int(code)}
    _log.error("%s", message, extra=extra, exc_info=with_trace)
    return code


def _explained(error: Exception) -> tuple[str, str | None]:
    """Return message and hint of error, whatever it is."""
    if isinstance(error, CloudHoardError):
        return error.message, error.hint
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror[:1].lower() + error.strerror[1:]
        name = error.filename2 or error.filename
        named = os.fsdecode(name) if isinstance(name, bytes | str) else None
        return (f"{named}: {reason}" if named else reason), None
    hint = "this should not happen: run again with -vv and report what it prints"
    return f"internal error: {type(error).__name__}: {error}", hint


def _exit_status(ended: SystemExit) -> int:
    with suppress(OutputClosed, OSError):
        flush_output()
    return ended.code if isinstance(ended.code, int) else ExitCode.OK
