"""By how much a metric may be worse: a number, a percentage, or standard deviations."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.units import format_number

REPEATS_NEEDED = 3
"""How many runs of the same commit tell how much a metric varies by itself."""

Unit = Literal["", "%", "sd"]

_TEXT = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)[ ]?(%|sd)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """An amount in the metric's own unit, in hundredths of the other value, or in deviations."""

    amount: float
    unit: Unit = ""

    def resolve(self, other: float, repeats: Sequence[float]) -> float | None:
        """Return the tolerance in the metric's unit; None where ``repeats`` do not tell it.

        Args:
            other: the value that is compared with.
            repeats: what the metric was in several runs of one commit.
        """
        if self.unit == "%":
            return abs(other) * self.amount / 100
        if self.unit == "":
            return self.amount
        finite = [value for value in map(float, repeats) if math.isfinite(value)]
        if len(finite) < REPEATS_NEEDED:
            return None
        try:
            return self.amount * statistics.stdev(finite)
        except OverflowError:
            return None

    def __str__(self) -> str:
        return f"{format_number(self.amount)}{' ' * (self.unit == 'sd')}{self.unit}"


def parse_tolerance(written: float | str | None) -> Tolerance | None:
    """Return what a gate's ``tolerance`` says, 0 where it says nothing; None for other words."""
    if written is None:
        return Tolerance(0)
    if not isinstance(written, str):
        return Tolerance(written)
    found = _TEXT.fullmatch(written.strip())
    if found is None or not math.isfinite(amount := float(found[1])):
        return None
    return Tolerance(amount, "%" if found[2] == "%" else "sd")
