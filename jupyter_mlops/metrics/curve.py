"""A metric step by step, in bounded memory, and what a picture of it needs; pure."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice
from statistics import median_low

LEAST_POINTS = 5
"""To how many points a curve can be thinned."""

_LATE_LIMIT = 65_536
_BLOCKS = "▁▂▃▄▅▆▇█"

Points = tuple["array[float]", "array[float]"]
"""Steps, rising, and the value at each."""


class Curve:
    """The values of one metric by step; 16 bytes a point.

    Steps come in any order; of two values at one step the one that was added later counts. Without
    ``keeps_points`` only the value added last is known. Not safe for threads.

    Attributes:
        last: the value that was added last, whatever its step.
        last_at: when that was, in seconds since 1970.
        count: how many values were added.
    """

    __slots__ = (
        *("count", "last", "last_at"),
        *("_keeps", "_late_steps", "_late_values", "_steps", "_values"),
    )

    def __init__(self, *, keeps_points: bool = True) -> None:
        self._keeps = keeps_points
        self._steps: array[float] = array("d")
        self._values: array[float] = array("d")
        self._late_steps: array[float] = array("d")
        self._late_values: array[float] = array("d")
        self.last = math.nan
        self.last_at = 0.0
        self.count = 0

    def __len__(self) -> int:
        return len(self._steps) + len(self._late_steps)

    def add(self, step: float, value: float, at: float = 0.0) -> None:
        """Take one value.

        Raises:
            OverflowError: ``step`` or ``value`` is beyond what a float can be; nothing is taken.
        """
        value = float(value)
        step = float(step)
        self.last, self.last_at = value, at
        self.count += 1
        if not self._keeps:
            return
        steps = self._steps
        if not steps or step > steps[-1]:
            steps.append(step)
            self._values.append(value)
        elif step == steps[-1]:
            self._values[-1] = value
        else:
            self._late_steps.append(step)
            self._late_values.append(value)
            if len(self._late_steps) >= _LATE_LIMIT:
                self._settle()

    def points(self) -> Points:
        """Return all points that are known, one a step, by step; not to be changed."""
        self._settle()
        return self._steps, self._values

    def thin(self, limit: int) -> None:
        """Keep ``limit`` points at most, as :func:`envelope` chooses them."""
        self._settle()
        self._steps, self._values = envelope(self._steps, self._values, limit)

    def _settle(self) -> None:
        """Put the points that came late where they belong."""
        if not self._late_steps:
            return
        late = sorted(range(len(self._late_steps)), key=self._late_steps.__getitem__)
        steps = array("d", (self._late_steps[at] for at in late))
        values = array("d", (self._late_values[at] for at in late))
        self._late_steps, self._late_values = array("d"), array("d")
        start = bisect_left(self._steps, steps[0])
        merged = merge((self._steps[start:], self._values[start:]), (steps, values))
        del self._steps[start:], self._values[start:]
        self._steps.extend(merged[0])
        self._values.extend(merged[1])


def thin_largest(curves: Iterable[Curve], limit: int) -> None:
    """Keep ``limit`` points at most in all ``curves`` together, fewer of those that have most."""
    known = list(curves)
    total = sum(map(len, known))
    while total > limit:
        largest = max(known, key=len)
        total -= len(largest)
        largest.thin(max(len(largest) // 2, LEAST_POINTS))
        total += len(largest)
        if len(largest) <= LEAST_POINTS:
            return


def merge(one: Points, other: Points) -> Points:
    """Return the points of both by step; at the same step the last one of ``other`` counts.

    Both are in the order of their steps, each of which ``other`` may have several times.
    """
    steps: array[float] = array("d")
    values: array[float] = array("d")
    (a_steps, a_values), (b_steps, b_values) = one, other
    a = 0
    for step, value in zip(b_steps, b_values, strict=True):
        end = bisect_left(a_steps, step, a)
        if end > a:
            steps.extend(a_steps[a:end])
            values.extend(a_values[a:end])
        a = end + (end < len(a_steps) and a_steps[end] == step)
        if steps and steps[-1] == step:
            values[-1] = value
        else:
            steps.append(step)
            values.append(value)
    steps.extend(a_steps[a:])
    values.extend(a_values[a:])
    return steps, values


def thin_line(values: Sequence[float], limit: int) -> Sequence[int]:
    """Return the places of values that look like all: ``limit`` or less, 5 or more.

    The first and the last one stay, and of each stretch of neighbours the lowest and the highest,
    so that no spike is lost, and the first that is no finite number, so that a gap stays one.
    """
    count = len(values)
    if count <= limit:
        return range(count)
    # Of finite numbers that are too large the sum is not finite: nothing is lost but points.
    has_gaps = not math.isfinite(sum(values))
    kept = [0]
    stretches = max(1, (limit - 2) // (3 if has_gaps else 2))
    inner = count - 2
    for at in range(stretches):
        start, end = 1 + at * inner // stretches, 1 + (at + 1) * inner // stretches
        finite = stretch = values[start:end]
        places: set[int] = set()
        if has_gaps:
            finite = [value for value in stretch if math.isfinite(value)]
            gaps = (place for place in range(start, end) if not math.isfinite(values[place]))
            places.update(islice(gaps, 1))
        if finite:
            places |= {start + stretch.index(value) for value in (min(finite), max(finite))}
        kept += sorted(places)
    kept.append(count - 1)
    return kept


def envelope(steps: Sequence[float], values: Sequence[float], limit: int) -> Points:
    """Return ``limit`` points or less, as :func:`thin_line` chooses them."""
    kept = thin_line(values, limit)
    return array("d", (steps[at] for at in kept)), array("d", (values[at] for at in kept))


def draw_blocks(values: Sequence[float], width: int) -> str:
    """Return a curve of ``width`` characters at most, each as high as its values.

    Of the values that share a character the one counts that is farthest from what is usual, so that
    spikes show. What is no finite number is a blank.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, high, usual = min(finite), max(finite), median_low(finite)
    columns = min(width, len(values))
    drawn = []
    for at in range(columns):
        start, end = at * len(values) // columns, (at + 1) * len(values) // columns
        shown = [value for value in values[start:end] if math.isfinite(value)]
        farthest = max(shown, key=lambda value: abs(value - usual), default=None)
        drawn.append(" " if farthest is None else _BLOCKS[_level(farthest, low, high)])
    return "".join(drawn).rstrip()


def _level(value: float, low: float, high: float) -> int:
    """Return which of the blocks is as high as ``value``; the middle one where all are equal."""
    if low == high:
        return len(_BLOCKS) // 2
    # Halves, since the difference of two numbers may be too large for one.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return min(round(share * (len(_BLOCKS) - 1)), len(_BLOCKS) - 1)
