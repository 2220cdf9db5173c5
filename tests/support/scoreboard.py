"""How many faults a run tried, told at its end: counts that tests add up by what they broke."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PROPERTY = "scoreboard"


@dataclass(frozen=True, slots=True)
class Scoreboard:
    """Counts of one test; ``properties`` is where pytest carries them to the run's end."""

    properties: list[tuple[str, object]]

    def add(self, what: str, count: int = 1) -> None:
        """Count ``count`` more faults of the sort ``what`` (``kill points``), none of them a loss.

        A test calls this after it has looked at what the faults left behind.
        """
        self.properties.append((PROPERTY, [what, count]))


def add_up(properties: Iterable[tuple[str, object]]) -> dict[str, int]:
    """Return the sums of all that tests counted, in the order of their names."""
    sums: dict[str, int] = {}
    for name, value in properties:
        if name == PROPERTY and isinstance(value, list | tuple):
            what, count = value
            sums[what] = sums.get(what, 0) + count
    return dict(sorted(sums.items()))
