"""Progress of long work on a terminal's standard error."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TextIO

from jupyter_mlops.progress import NoProgress, Progress, Task

_DELAY_SECONDS = 0.5


def open_progress(stream: TextIO | None = None) -> Progress:
    """Return a progress that draws on ``stream``, or shows nothing where that is no terminal."""
    stream = stream or sys.stderr
    return TerminalProgress(stream) if stream.isatty() else NoProgress()


class TerminalProgress:
    """Draws a line for each task that takes longer than half a second; takes it away at the end."""

    def __init__(self, stream: TextIO, delay_seconds: float = _DELAY_SECONDS) -> None:
        self._stream = stream
        self._delay_seconds = delay_seconds

    def task(self, label: str, total: int | None, unit: str = "B") -> AbstractContextManager[Task]:
        """Return a context manager that yields a task, as ``progress.Progress`` promises."""
        return self._draw(label, total, unit)

    @contextmanager
    def _draw(self, label: str, total: int | None, unit: str) -> Iterator[Task]:
        from tqdm import tqdm

        with tqdm(
            desc=label,
            total=total,
            unit="iB" if unit == "B" else f" {unit}",
            unit_scale=unit == "B",
            unit_divisor=1024,
            file=self._stream,
            delay=self._delay_seconds,
            leave=False,
            dynamic_ncols=True,
        ) as bar:
            yield _BarTask(bar)


class _BarTask:
    def __init__(self, bar: object) -> None:
        self._bar = bar
        self._lock = threading.Lock()

    def advance(self, amount: int) -> None:
        with self._lock:
            self._bar.update(amount)  # type: ignore[attr-defined]
