from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

from jupyter_mlops.cli.progress import TerminalProgress, open_progress
from jupyter_mlops.progress import NoProgress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_only_a_terminal_gets_progress() -> None:
    assert isinstance(open_progress(io.StringIO()), NoProgress)
    assert isinstance(open_progress(Terminal()), TerminalProgress)


def test_long_work_draws_its_label_and_amount_and_takes_them_away() -> None:
    stream = Terminal()
    with TerminalProgress(stream, delay_seconds=0).task("Keeping", 2048) as task:
        task.advance(1024)
    assert "Keeping" in stream.getvalue()
    assert "/2.00k" in stream.getvalue()
    assert stream.getvalue().endswith("\r")


def test_short_work_draws_nothing() -> None:
    stream = Terminal()
    with TerminalProgress(stream).task("Keeping", 3, unit="files") as task:
        task.advance(3)
    assert stream.getvalue() == ""


def test_threads_may_advance_one_task() -> None:
    stream = Terminal()
    with (
        TerminalProgress(stream, delay_seconds=0).task("Keeping", 4000, unit="files") as task,
        ThreadPoolExecutor(4) as pool,
    ):
        for _ in range(4000):
            pool.submit(task.advance, 1)
    assert "4000/4000" in stream.getvalue() or "Keeping" in stream.getvalue()
