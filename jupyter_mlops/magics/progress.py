"""Progress of long work below the cell that waits for it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from jupyter_mlops.clock import Clock, SystemClock
from jupyter_mlops.document.render_html import render_progress_html
from jupyter_mlops.progress import Task
from jupyter_mlops.units import format_bytes, format_duration

_DELAY_SECONDS = 0.5
_INTERVAL_SECONDS = 0.25
_SPEED_SECONDS = 1.0


class CellProgress:
    """Shows a bar for each task that takes longer than half a second; takes it away at the end."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def task(self, label: str, total: int | None, unit: str = "B") -> AbstractContextManager[Task]:
        """Return a context manager that yields a task, as ``progress.Progress`` promises."""
        return self._draw(label, total, unit)

    @contextmanager
    def _draw(self, label: str, total: int | None, unit: str) -> Iterator[Task]:
        bar = _CellTask(label, total, unit, self._clock)
        try:
            yield bar
        finally:
            bar.close()


class _CellTask:
    def __init__(self, label: str, total: int | None, unit: str, clock: Clock) -> None:
        self._label, self._total, self._unit, self._clock = label, total, unit, clock
        self._done = 0
        self._began_seconds = clock.monotonic_seconds()
        self._next_seconds = self._began_seconds + _DELAY_SECONDS
        self._lock = threading.Lock()
        self._handle: _Handle | None = None

    def advance(self, amount: int) -> None:
        with self._lock:
            self._done += amount
            now_seconds = self._clock.monotonic_seconds()
            if now_seconds >= self._next_seconds:
                self._next_seconds = now_seconds + _INTERVAL_SECONDS
                self._show(now_seconds - self._began_seconds)

    def close(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.update({"text/plain": "", "text/html": ""})

    def _show(self, seconds: float) -> None:
        if self._handle is None:
            self._handle = _Handle()
        text = f"{self._label}: {' · '.join((self._amount(), *self._speed(seconds)))}"
        share = None if not self._total else min(1.0, self._done / self._total)
        html = render_progress_html(text, share)
        self._handle.update({"text/plain": text, "text/html": html})

    def _amount(self) -> str:
        def told(count: int) -> str:
            return format_bytes(count) if self._unit == "B" else f"{count:,} {self._unit}"

        return told(self._done) + (f" of {told(self._total)}" if self._total else "")

    def _speed(self, seconds: float) -> Iterator[str]:
        """Yield how fast bytes move and how long that takes still, once it can be told."""
        if self._unit != "B" or seconds < _SPEED_SECONDS or not self._done:
            return
        yield f"{format_bytes(int(self._done / seconds))}/s"
        if self._total and self._total > self._done:
            left_seconds = (self._total - self._done) * seconds / self._done
            yield f"{format_duration(max(1.0, left_seconds))} left"


class _Handle:
    """One output of a cell that can be replaced."""

    def __init__(self) -> None:
        self._id = {"display_id": secrets.token_hex(8)}
        _publish({"text/plain": ""}, transient=self._id)

    def update(self, bundle: dict[str, str]) -> None:
        _publish(bundle, transient=self._id, update=True)


def _publish(bundle: dict[str, str], **options: object) -> None:
    from IPython.display import publish_display_data

    publish_display_data(bundle, **options)
