"""Numbers that JSON has no form for, as the texts that stand for them."""

from __future__ import annotations

import math
from typing import TypeVar

NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""The number that each of these texts stands for."""

_Value = TypeVar("_Value")


def spell_out(value: _Value) -> _Value | str:
    """Return ``value``, or the text that stands for it where it is a number that is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
