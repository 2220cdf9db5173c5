"""How long work speaks upwards: the only callback that passes the layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of work under way."""

    def advance(self, amount: int) -> None:
        """Report ``amount`` more units as done; safe from any thread."""
        ...


class Progress(Protocol):
    """Shows work to whoever waits."""

    def task(self, label: str, total: int | None, unit: str = "B") -> AbstractContextManager[Task]:
        """Return a context manager that yields a :class:`Task`.

        ``unit`` is ``B`` for bytes or a plural noun.
        """
        ...


class _Silent:
    def advance(self, amount: int) -> None:
        pass


class NoProgress:
    """Shows nothing."""

    @contextmanager
    def _silent(self) -> Iterator[Task]:
        yield _Silent()

    def task(self, label: str, total: int | None, unit: str = "B") -> AbstractContextManager[Task]:
        """Return a task that nobody sees."""
        return self._silent()
