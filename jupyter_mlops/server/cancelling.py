"""Progress that can be looked at from elsewhere, and through which work is asked to stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from jupyter_mlops.progress import Task


class Cancelled(KeyboardInterrupt):
    """Raised inside work that was asked to stop, which unwinds as it does after Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How far work is; ``total`` is None where nobody knows."""

    label: str
    done: int
    total: int | None
    unit: str


class CancellableProgress:
    """Keeps the newest state of its tasks. Safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._tasks: list[_Task] = []
        self._last: Shown | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Ask the work to stop: its next report of progress raises :class:`Cancelled`."""
        self._cancelled.set()

    def task(self, label: str, total: int | None, unit: str = "B") -> AbstractContextManager[Task]:
        """Return a context manager that yields a task, as ``progress.Progress`` promises."""
        return self._open(label, total, unit)

    def look(self) -> Shown | None:
        """Return the state of the task begun last, None before the first one."""
        with self._lock:
            return self._tasks[-1].shown() if self._tasks else self._last

    def go_on(self) -> None:
        """Return at once.

        Raises:
            Cancelled: the work was asked to stop.
        """
        if self.cancelled:
            raise Cancelled

    @contextmanager
    def _open(self, label: str, total: int | None, unit: str) -> Iterator[Task]:
        self.go_on()
        task = _Task(self, label, total, unit)
        with self._lock:
            self._tasks.append(task)
        try:
            yield task
        finally:
            with self._lock:
                self._tasks.remove(task)
                self._last = task.shown()


class _Task:
    def __init__(
        self, progress: CancellableProgress, label: str, total: int | None, unit: str
    ) -> None:
        self._progress = progress
        self._label, self._total, self._unit = label, total, unit
        self._done = 0
        self._lock = threading.Lock()

    def advance(self, amount: int) -> None:
        with self._lock:
            self._done += amount
        self._progress.go_on()

    def shown(self) -> Shown:
        return Shown(self._label, self._done, self._total, self._unit)
