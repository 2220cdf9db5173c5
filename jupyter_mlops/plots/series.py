"""Points, bars and bins of columns, few enough to be drawn; pure."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from jupyter_mlops.metrics.curve import thin_line
from jupyter_mlops.plots.drawing import Mode, PlotTrace, Scale, style_of
from jupyter_mlops.plots.frame import Column
from jupyter_mlops.plots.thin import POINTS_LIMIT, thin_cloud
from jupyter_mlops.text import visible
from jupyter_mlops.units import plural

CATEGORIES_LIMIT = 100
BINS = 30


@dataclass(frozen=True, slots=True)
class Points:
    """What is drawn as one trace; without x its points are numbered from 0.

    ``label`` is what a legend says, ``lead`` begins what is told of it, where it is one of several.
    """

    side: int
    label: str
    x: Column | None
    y: Column
    lead: str = ""


def plain_points(
    side: int, label: str, lead: str, x: Sequence[float], y: Sequence[float]
) -> Points:
    """Return points of plain numbers."""
    columns = Column(), Column()
    for column, values in zip(columns, (x, y), strict=True):
        column.numbers = array("d", values)
    return Points(side, label, *columns, lead)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Traces on one scale, and what was left out, in words."""

    mode: Mode
    scale: Scale
    categories: tuple[str, ...]
    traces: tuple[PlotTrace, ...]
    notes: tuple[str, ...]


def draw_points(several: Sequence[Points], *, connected: bool, in_order: bool = False) -> Drawn:
    """Return lines, each in the order of its x, or of its rows with ``in_order``; or clouds."""
    scale, categories, positions, notes = _place(several)
    traces = []
    for at, (points, xs) in enumerate(zip(several, positions, strict=True)):
        ys: Sequence[float] = points.y.numbers
        count = sum(1 for x, y in zip(xs, ys, strict=True) if x == x and y == y)
        if connected and not in_order:
            xs, ys = _in_order(xs, ys)
        chosen = thin_line(ys, POINTS_LIMIT) if connected else thin_cloud(xs, ys)
        traces.append(
            PlotTrace(
                label=points.label,
                side=points.side,
                style=style_of(at),
                x=tuple(_finite(xs[one]) for one in chosen),
                y=tuple(_finite(ys[one]) for one in chosen),
                count=count,
            )
        )
        notes += _note_texts(points)
        if len(chosen) < len(xs) and len(xs) > POINTS_LIMIT:
            kept = "the extremes are kept" if connected else "those that stand alone are kept"
            notes.append(
                f"{points.lead}{len(chosen):,} of {plural(len(xs), 'point')} drawn; {kept}"
            )
    mode: Mode = "line" if connected else "dots"
    return Drawn(mode, scale, categories, tuple(traces), tuple(notes))


def draw_bars(several: Sequence[Points]) -> Drawn:
    """Return a bar for each category of x; where it occurs more than once, of the last row."""
    _, categories, positions, notes = _place(several, always=True)
    traces = []
    for at, (points, xs) in enumerate(zip(several, positions, strict=True)):
        heights = {x: y for x, y in zip(xs, points.y.numbers, strict=True) if x == x and y == y}
        found = sorted(heights)
        traces.append(
            PlotTrace(
                label=points.label,
                side=points.side,
                style=style_of(at),
                x=tuple(found),
                y=tuple(_finite(heights[x]) for x in found),
                count=len(found),
            )
        )
    return Drawn("bars", "category", categories, tuple(traces), tuple(notes))


def draw_bins(several: Sequence[Points]) -> Drawn:
    """Return how many values lie in each of ``BINS`` stretches, the same for all, as outlines.

    Raises:
        ValueError: there are no numbers.
    """
    numbers = [[one for one in points.y.numbers if math.isfinite(one)] for points in several]
    if not any(numbers):
        raise ValueError("there are no numbers to count")
    low = min(min(values) for values in numbers if values)
    high = max(max(values) for values in numbers if values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / BINS
    if not math.isfinite(width) or width <= 0 or low + width == low:
        raise ValueError("its numbers are too far apart, or too near, to be counted in stretches")
    edges = [low + width * at for at in range(BINS + 1)]
    traces = []
    notes: list[str] = []
    for at, (points, values) in enumerate(zip(several, numbers, strict=True)):
        counts = [0] * BINS
        for value in values:
            counts[min(int((value - low) / width), BINS - 1)] += 1
        outline = [(edges[0], 0)]
        for bin, count in enumerate(counts):
            outline += [(edges[bin], count), (edges[bin + 1], count)]
        outline.append((edges[-1], 0))
        traces.append(
            PlotTrace(
                label=points.label,
                side=points.side,
                style=style_of(at),
                x=tuple(x for x, _ in outline),
                y=tuple(float(y) for _, y in outline),
                count=len(values),
            )
        )
        notes += _note_texts(points)
    return Drawn("outline", "number", (), tuple(traces), tuple(notes))


def _place(
    several: Sequence[Points], *, always: bool = False
) -> tuple[Scale, tuple[str, ...], list[Sequence[float]], list[str]]:
    """Return the scale of x that all share, its categories, and where each point lies."""
    columns = [points.x for points in several]
    if not always:
        times = [None if column is None else column.times() for column in columns]
        if columns and all(one is not None for one in times):
            return "time", (), [one for one in times if one is not None], []
        if all(column is None or column.is_numeric for column in columns):
            plain: list[Sequence[float]] = [
                range(len(points.y)) if points.x is None else points.x.numbers for points in several
            ]
            return "number", (), plain, []
    names: dict[str, int] = {}
    placed: list[Sequence[float]] = []
    left: set[str] = set()
    for points in several:
        labels = [str(at) for at in range(len(points.y))] if points.x is None else points.x.labels()
        places = []
        for label in labels:
            if label is not None and label not in names:
                if len(names) < CATEGORIES_LIMIT:
                    names[label] = len(names)
                else:
                    left.add(label)
            places.append(math.nan if label is None else names.get(label, math.nan))
        placed.append(places)
    notes = []
    if left:
        more = plural(len(left), "category", "categories")
        notes.append(f"{more} left out: only the first {CATEGORIES_LIMIT} are drawn")
    return "category", tuple(visible(name) for name in names), placed, notes


def _in_order(xs: Sequence[float], ys: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Return the points by their x; those that have none are left out."""
    if all(one <= other for one, other in pairwise(xs)):
        return xs, ys
    order = sorted((at for at in range(len(xs)) if xs[at] == xs[at]), key=xs.__getitem__)
    return [xs[at] for at in order], [ys[at] for at in order]


def _note_texts(points: Points) -> list[str]:
    texts = len(points.y.texts)
    if not texts:
        return []
    example = visible(next(iter(points.y.texts.values())))[:40]
    return [f"{points.lead}{plural(texts, 'value is', 'values are')} no number, such as {example}"]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
