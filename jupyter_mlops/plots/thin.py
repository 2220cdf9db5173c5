"""Fewer points that look like all of them: the extremes always stay; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

POINTS_LIMIT = 2_000
"""How many points of one line or cloud are drawn."""


def thin_line(ys: Sequence[float], limit: int = POINTS_LIMIT) -> list[int]:
    """Return which points of a line to draw, in order: all, or those that shape it.

    Of each of ``limit / 4`` stretches these are the first, the last, the lowest and the highest,
    so that no spike is lost and the line covers the same pixels; and one that is no number, so that
    a gap stays one.
    """
    count = len(ys)
    if count <= limit:
        return list(range(count))
    stretches = max(limit // 4, 1)
    chosen: list[int] = []
    for stretch in range(stretches):
        begin, end = count * stretch // stretches, count * (stretch + 1) // stretches
        kept = {begin, end - 1}
        low = high = -1
        for at in range(begin, end):
            value = ys[at]
            if math.isfinite(value):
                if low < 0 or value < ys[low]:
                    low = at
                if high < 0 or value > ys[high]:
                    high = at
        for at in (low, high):
            if at >= 0:
                kept.add(at)
        gap = next((at for at in range(begin, end) if not math.isfinite(ys[at])), None)
        if gap is not None:
            kept.add(gap)
        chosen += sorted(kept)
    return chosen


def thin_cloud(xs: Sequence[float], ys: Sequence[float], limit: int = POINTS_LIMIT) -> list[int]:
    """Return which points of a cloud to draw, in order: all, or the first in each cell of a grid.

    So a point that lies alone is always drawn. The grid is the finest that gives no more points.
    """
    shown = [
        at for at in range(min(len(xs), len(ys))) if math.isfinite(xs[at]) and math.isfinite(ys[at])
    ]
    if len(shown) <= limit:
        return shown
    low_x, high_x = min(xs[at] for at in shown), max(xs[at] for at in shown)
    low_y, high_y = min(ys[at] for at in shown), max(ys[at] for at in shown)
    side = max(int(math.sqrt(limit)) * 4, 1)
    while True:
        across, up = _scale(low_x, high_x, side), _scale(low_y, high_y, side)
        cells: dict[tuple[int, int], int] = {}
        for at in shown:
            cell = (int((xs[at] - low_x) * across), int((ys[at] - low_y) * up))
            cells.setdefault(cell, at)
        if len(cells) <= limit or side == 1:
            return sorted(cells.values())
        shown = sorted(cells.values())
        side = max(side * 2 // 3, 1)


def _scale(low: float, high: float, side: int) -> float:
    spread = high - low
    return side / spread * (1 - 1e-9) if spread > 0 and math.isfinite(spread) else 0.0
