"""The time, as a value that can be handed in."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; tests hand in their own."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def monotonic_seconds(self) -> float:
        """Return seconds that never go back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()
