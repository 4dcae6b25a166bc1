import io
import threading
import time

from cloudhoard.cli.progress import Progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _GoneTerminal(_Terminal):
    def write(self, _text: str, /) -> int:
        raise OSError(5, "Input/output error")


def test_bar_shows_share_and_rate_and_is_removed_at_the_end() -> None:
    terminal = _Terminal()

    with Progress(4 << 20, stream=terminal) as progress:
        time.sleep(0.25)
        progress.advance(1 << 20)

    bar, end = terminal.getvalue().split("\r\x1b[K")[1:]
    assert bar.startswith("[#######.......................]  25%  1.0 MiB of 4.0 MiB")
    assert bar.endswith(" left")
    assert end == ""


def test_without_a_total_only_bytes_and_rate_are_shown() -> None:
    terminal = _Terminal()

    with Progress(None, stream=terminal) as progress:
        time.sleep(0.25)
        progress.advance(3 << 20)

    line, end = terminal.getvalue().split("\r\x1b[K")[1:]
    assert line.startswith("3.0 MiB  ")
    assert line.endswith("iB/s")
    assert end == ""


def test_bar_is_for_terminals_only() -> None:
    file = io.StringIO()

    with Progress(10, stream=file) as progress:
        time.sleep(0.25)
        progress.advance(10)

    assert file.getvalue() == ""


def test_quiet_means_no_bar() -> None:
    terminal = _Terminal()

    with Progress(10, quiet=True, stream=terminal) as progress:
        time.sleep(0.25)
        progress.advance(10)

    assert terminal.getvalue() == ""


def test_threads_lose_no_byte() -> None:
    progress = Progress(80_000, stream=io.StringIO())

    def work() -> None:
        for _ in range(10_000):
            progress.advance(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert progress.done_bytes == 80_000


def test_a_terminal_that_has_gone_stops_nothing() -> None:
    with Progress(10, stream=_GoneTerminal()) as progress:
        time.sleep(0.25)
        progress.advance(20)

    assert progress.done_bytes == 20


def test_more_than_was_announced_and_nothing_at_all_are_shown() -> None:
    for total in (0, 5):
        terminal = _Terminal()
        with Progress(total, stream=terminal) as progress:
            time.sleep(0.25)
            progress.advance(10)
        assert " 100% " in terminal.getvalue()
