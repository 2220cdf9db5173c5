"""How much a metric moves by itself, and which of its moves are more than that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from jupyter_mlops.metrics.read import Number

Basis = Literal["unchanged", "all"]

TIMES = 3.0
"""How many times the noise a move has to be to count."""

FEWEST_REPEATS = 5
FEWEST_MOVES = 8
_MAD_TO_DEVIATION = 1.4826


@dataclass(frozen=True, slots=True)
class Noise:
    """How much a metric moves by itself from one run to the next.

    ``level`` is a robust standard deviation of its moves: 1.4826 times the median of their
    amounts, as for the median absolute deviation (Hampel, 1974). ``basis`` says which moves were
    taken, ``moves`` how many.
    """

    level: float
    basis: Basis
    moves: int

    def is_exceeded(self, move: Number) -> bool:
        """Return whether a move is more than three times the noise."""
        return abs(move) > TIMES * self.level


def estimate_noise(unchanged: Sequence[Number], every: Sequence[Number]) -> Noise | None:
    """Return the noise of a metric, None where there is too little to tell.

    Args:
        unchanged: its moves where nothing changed that it depends on; enough where they are 5.
        every: all its moves, taken where they are 8: most of a metric's moves are noise, and the
            median does not care about the others.
    """
    still = [abs(move) for move in unchanged if math.isfinite(move)]
    if len(still) >= FEWEST_REPEATS:
        return Noise(_MAD_TO_DEVIATION * median(still), "unchanged", len(still))
    amounts = [abs(move) for move in every if math.isfinite(move)]
    if len(amounts) >= FEWEST_MOVES:
        return Noise(_MAD_TO_DEVIATION * median(amounts), "all", len(amounts))
    return None
