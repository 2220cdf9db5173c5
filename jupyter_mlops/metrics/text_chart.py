"""A chart as text for a terminal: a small plot, the commit graph beneath it, the newest points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jupyter_mlops.document.cells import shorten, text_width
from jupyter_mlops.metrics.chart import GREY, Chart, Dot, Lane, Metric
from jupyter_mlops.metrics.read import Number
from jupyter_mlops.units import format_number

_MARKERS = "●■▲◆▼★✚▰"
_GREY_MARKER = "•"
_SNAPSHOT = "○"
_CROSSINGS: Mapping[frozenset[str], str] = {
    frozenset(pair): crossed
    for crossed, pairs in {
        "┼": ("─│", "┼─", "┼│", "├─", "┤─", "╰╯", "╭╮"),
        "├": ("│╰", "│╭", "├│", "├╰", "├╭"),
        "┤": ("│╯", "│╮", "┤│", "┤╯", "┤╮"),
        "┴": ("─╰", "─╯", "┴─"),
        "┬": ("─╭", "─╮", "┬─"),
    }.items()
    for pair in pairs
}
_PLOT_ROWS = 9
_LANES_LIMIT = 12
_STEP_LIMIT = 6
_FIRST_LISTED = 15
_SUBJECT_WIDTH = 40
_MARGIN = 14
"""Room for the longest number and the axis."""


def render_text(
    chart: Chart, metrics: Sequence[Metric], *, width: int = 80, listed: int = _FIRST_LISTED
) -> str:
    """Return the chart of ``metrics``, at most ``width`` characters wide where names allow that.

    As many of the newest commits are drawn as fit; the newest ``listed`` points stand below.
    """
    parts = [_legend(chart)]
    for metric in metrics:
        parts.append(_render_metric(chart, metric, width))
    parts.append(_list_points(chart, metrics[:1], listed))
    return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class _Window:
    """Which columns are drawn, and where."""

    first: int
    step: int
    count: int

    def place(self, column: int) -> int:
        return (column - self.first) * self.step

    @property
    def characters(self) -> int:
        return (self.count - 1) * self.step + 1


class _Canvas:
    def __init__(self, rows: int, columns: int) -> None:
        self._cells = [[" "] * columns for _ in range(rows)]

    def put(self, row: int, column: int, char: str) -> None:
        if 0 <= row < len(self._cells) and 0 <= column < len(self._cells[row]):
            self._cells[row][column] = char

    def cross(self, row: int, column: int, char: str) -> None:
        """Put a piece of a line where another may run already."""
        if 0 <= row < len(self._cells) and 0 <= column < len(self._cells[row]):
            before = self._cells[row][column]
            self._cells[row][column] = _CROSSINGS.get(frozenset(before + char), char)

    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self._cells]


def _render_metric(chart: Chart, metric: Metric, width: int) -> str:
    way = {"higher": " (higher is better)", "lower": " (lower is better)", None: ""}[metric.way]
    window = _plan_window(chart.columns, width - _MARGIN)
    values = [value for _, value in _drawn(chart, metric, window)]
    if not values:
        return f"{metric.label}{way}: no numbers to draw"
    labels = [format_number(bound) for bound in (max(values), min(values))]
    margin = max(len(label) for label in labels) + 2
    title = f"{metric.label}{way}"
    if window.count < chart.columns:
        title += f", the newest {window.count} of {chart.columns} commits"
    plot = _draw_plot(chart, metric, window)
    left = [labels[0], *[""] * (len(plot) - 2), labels[1]] if len(plot) > 1 else labels[:1]
    drawn = [
        f"{label:>{margin - 2}} {'┤' if label else '│'}{row}"
        for label, row in zip(left, plot, strict=True)
    ]
    graph = [" " * margin + row for row in _draw_graph(chart, window)]
    return "\n".join([title, *drawn, *graph])


def _drawn(chart: Chart, metric: Metric, window: _Window) -> list[tuple[Dot, Number]]:
    return [
        (dot, value)
        for dot in chart.dots
        if dot.column >= window.first and (value := dot.value(metric)) is not None
    ]


def _plan_window(columns: int, room: int) -> _Window:
    room = max(room, 10)
    step = max(1, min(_STEP_LIMIT, (room - 1) // max(columns - 1, 1)))
    count = min(columns, (room - 1) // step + 1)
    return _Window(columns - count, step, count)


def _draw_plot(chart: Chart, metric: Metric, window: _Window) -> list[str]:
    shown = _drawn(chart, metric, window)
    low = min(value for _, value in shown)
    high = max(value for _, value in shown)
    rows = _PLOT_ROWS if high > low else 1

    def row_of(value: float) -> int:
        return round((high - value) / (high - low) * (rows - 1)) if high > low else 0

    canvas = _Canvas(rows, window.characters)
    for line in chart.lines:
        ends = [(chart.dots[at], chart.dots[at].value(metric)) for at in line.dots]
        for (old, start), (new, end) in pairwise(ends):
            if start is not None and end is not None:
                _draw_slope(
                    canvas,
                    (window.place(old.column), row_of(start)),
                    (window.place(new.column), row_of(end)),
                )
    for dot, value in sorted(shown, key=lambda one: one[0].snapshot is None):
        place = (row_of(value), window.place(dot.column))
        canvas.put(*place, _marker(chart.lanes[dot.lane], dot))
    return canvas.lines()


def _draw_slope(canvas: _Canvas, start: tuple[int, int], end: tuple[int, int]) -> None:
    (x0, y0), (x1, y1) = start, end
    for x in range(x0 + 1, x1):
        canvas.put(round(y0 + (y1 - y0) * (x - x0) / (x1 - x0)), x, "·")


def _draw_graph(chart: Chart, window: _Window) -> list[str]:
    lanes = min(len(chart.lanes), _LANES_LIMIT)
    canvas = _Canvas(lanes, window.characters)
    for edge in chart.edges:
        old, new = chart.dots[edge.parent], chart.dots[edge.child]
        if old.lane < lanes and new.lane < lanes:
            _draw_edge(canvas, window, old, new, merge=edge.merge)
    for dot in sorted(chart.dots, key=lambda one: one.snapshot is None):
        canvas.put(dot.lane, window.place(dot.column), _marker(chart.lanes[dot.lane], dot))
    drawn = canvas.lines()
    while drawn and not drawn[-1]:
        drawn.pop()
    return drawn


def _draw_edge(canvas: _Canvas, window: _Window, old: Dot, new: Dot, *, merge: bool) -> None:
    """Draw along the child's lane, or the parent's where it is merged, and across at the end."""
    start, end = window.place(old.column), window.place(new.column)
    lane, turn = (old.lane, end) if merge else (new.lane, start)
    for x in range(max(start + 1, 0), max(end, 0)):
        canvas.cross(lane, x, "─")
    if old.lane == new.lane or turn < 0:
        return
    upper, lower = sorted((old.lane, new.lane))
    for row in range(upper + 1, lower):
        canvas.cross(row, turn, "│")
    corner = ("╮" if lane == upper else "╯") if merge else ("╭" if lane == upper else "╰")
    canvas.cross(lane, turn, corner)


def _marker(lane: Lane, dot: Dot) -> str:
    if dot.snapshot is not None:
        return _SNAPSHOT
    return _GREY_MARKER if lane.style == GREY else _MARKERS[lane.style]


def _legend(chart: Chart) -> str:
    named = [f"{_MARKERS[lane.style]} {lane.branch}" for lane in chart.lanes if lane.branch]
    if any(lane.style == GREY for lane in chart.lanes):
        others = f"{chart.others} more, and merged" if chart.others else "merged, or on no branch"
        named.append(f"{_GREY_MARKER} {others}")
    if any(dot.snapshot is not None for dot in chart.dots):
        named.append(f"{_SNAPSHOT} snapshot")
    return "  ".join(named)


def _list_points(chart: Chart, metrics: Iterable[Metric], limit: int) -> str:
    rows: list[tuple[str, ...]] = []
    for metric in metrics:
        held = [dot for dot in chart.dots if metric.name in dot.values]
        for dot in held[len(held) - limit :] if limit < len(held) else held:
            rows.append(_list_point(chart, metric, dot))
    widths = [max(text_width(row[at]) for row in rows) for at in range(5)] if rows else []
    lines = []
    for row in rows:
        mark, commit, where, value, change, subject = row
        spaces = [" " * (widths[at] - text_width(row[at])) for at in range(5)]
        first = f"{mark} {commit}{spaces[1]}  {where}{spaces[2]}"
        line = f"{first}  {spaces[3]}{value}  {change}{spaces[4]}  {subject}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def _list_point(chart: Chart, metric: Metric, dot: Dot) -> tuple[str, ...]:
    moved, better = chart.change(dot, metric)
    change = ""
    if moved:
        word = {True: " better", False: " worse", None: ""}[better]
        change = f"{'▲ +' if moved > 0 else '▼ -'}{format_number(abs(moved))}{word}"
    name = dot.snapshot if dot.snapshot is not None else (dot.commit or "")[:7]
    value = format_number(dot.values[metric.name])
    subject = shorten(dot.subject, _SUBJECT_WIDTH)
    return (_marker(chart.lanes[dot.lane], dot), name, chart.where(dot), value, change, subject)
