from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output

from jupyter_mlops.magics.progress import CellProgress


class StoppedClock:
    """A clock that moves when it is told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic_seconds(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Iterator[StoppedClock]:
    yield StoppedClock()


def test_long_work_shows_a_bar_that_goes_away(shell: InteractiveShell, clock: StoppedClock) -> None:
    with capture_output() as captured, CellProgress(clock).task("Keeping", 4096) as task:
        clock.seconds = 0.6
        task.advance(1024)
        clock.seconds = 0.7
        task.advance(1024)
        clock.seconds = 1.0
        task.advance(1024)
    texts = [_text(output) for output in captured.outputs]
    assert texts == ["", "Keeping: 1.0 KiB of 4.0 KiB", "Keeping: 3.0 KiB of 4.0 KiB", ""]
    assert captured.stdout == ""


def test_short_work_shows_nothing(shell: InteractiveShell, clock: StoppedClock) -> None:
    with capture_output() as captured, CellProgress(clock).task("x", None, "files") as task:
        clock.seconds = 0.4
        task.advance(1)
    assert captured.outputs == []


def _text(output: RichOutput) -> str:
    return str(output.data["text/plain"])
