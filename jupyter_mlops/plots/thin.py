"""Fewer points of a cloud that look like all of them; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

POINTS_LIMIT = 2_000
"""How many points of one line or cloud are drawn."""


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
