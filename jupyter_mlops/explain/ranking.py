"""What differs between two states, and in which order it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.explain.rows import RowChanges

Kind = Literal["data", "parameter", "seed", "code", "environment", "hardware", "duration"]

_PLACES: dict[Kind, int] = {
    "data": 0,
    "parameter": 0,
    "seed": 1,
    "code": 2,
    "environment": 3,
    "hardware": 4,
    "duration": 5,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    ``change`` says how, in words; ``old`` and ``new`` are what it was and is where that is one
    value, None where a state lacks it. ``share`` is how much of it differs, from 0 to 1.
    ``command`` shows more, None where nothing does. ``rows`` tells of a table what became of its
    rows.
    """

    kind: Kind
    name: str
    change: str
    share: float
    old: str | None = None
    new: str | None = None
    command: str | None = None
    rows: RowChanges | None = None


def rank(differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Return ``differences``, the likeliest cause of a metric's move first.

    Data and parameters go first, the larger share before the smaller; then seeds, code,
    environment and hardware, each by its share. How long it took goes last: it is a result.
    Equals stand in the order of their kinds and names.
    """
    return tuple(
        sorted(differences, key=lambda one: (_PLACES[one.kind], -one.share, one.kind, one.name))
    )


def share_of_change(old: object, new: object) -> float:
    """Return how much of a value changed: of numbers relative to the larger one, else all of it.

    A value that only one state has counts half: nobody knows what the other one took instead.
    """
    if old is None or new is None:
        return 0.5
    if isinstance(old, bool) or isinstance(new, bool):
        return 1.0
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return 1.0
    largest = max(abs(old), abs(new))
    try:
        share = abs(new - old) / largest if largest else 0.0
    except (OverflowError, ValueError):
        return 1.0
    return min(share, 1.0) if share == share else 1.0


def share_of_lines(count: int) -> float:
    """Return the share that so many changed lines of code stand for: half at 20 lines."""
    return count / (count + 20)
