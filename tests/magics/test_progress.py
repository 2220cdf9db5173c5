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
        clock.seconds = 0.9
        task.advance(1024)
    texts = [_text(output) for output in captured.outputs]
    assert texts == ["", "Keeping: 1.0 KiB of 4.0 KiB", "Keeping: 3.0 KiB of 4.0 KiB", ""]
    assert captured.stdout == ""


def test_of_bytes_the_speed_and_the_time_left_are_told(
    shell: InteractiveShell, clock: StoppedClock
) -> None:
    with capture_output() as captured, CellProgress(clock).task("Pushing", 40 << 20) as task:
        clock.seconds = 4.0
        task.advance(8 << 20)
        clock.seconds = 20.0
        task.advance(32 << 20)
    with capture_output() as others, CellProgress(clock).task("Running", 40, "cells") as task:
        clock.seconds = 30.0
        task.advance(8)
    texts = [_text(output) for output in (*captured.outputs, *others.outputs)]
    assert "Pushing: 8.0 MiB of 40.0 MiB · 2.0 MiB/s · 16 s left" in texts
    assert "Pushing: 40.0 MiB of 40.0 MiB · 2.0 MiB/s" in texts
    assert "Running: 8 cells of 40 cells" in texts


def test_short_work_shows_nothing(shell: InteractiveShell, clock: StoppedClock) -> None:
    with capture_output() as captured, CellProgress(clock).task("x", None, "files") as task:
        clock.seconds = 0.4
        task.advance(1)
    assert captured.outputs == []


def _text(output: RichOutput) -> str:
    return str(output.data["text/plain"])
