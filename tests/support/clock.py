"""A clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass
class HandClock:
    """A clock that stands until it is moved."""

    at: datetime = field(default=datetime(2026, 1, 1, 12, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the time it was moved to."""
        return self.at

    def monotonic_seconds(self) -> float:
        """Return the same in seconds."""
        return self.at.timestamp()
