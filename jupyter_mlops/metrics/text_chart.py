"""A chart as text for a terminal: small plots, the commit graph beneath them, the newest points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
_TAG = "⚑"
_LEVEL = "╌"
_PLOT_ROWS = 9
_ROWS_OF_SEVERAL = 6
_LANES_LIMIT = 12
_STEP_LIMIT = 6
_FIRST_LISTED = 15
_VALUE, _SUBJECT = 3, 5
_COLUMNS = ((0, 1, 2, 3, 4), (0, 1, 3, 4), (0, 1, 3))
"""Those of a listed point's mark, name, branch, value and change that stand in a line: in a narrow
terminal fewer. The subject has what room is left."""

_SUBJECT_WIDTHS = (8, 60)
_WHERE_WIDTHS = (12, 40)
_MARGIN = 14
"""Room for the longest number and the axis."""


def render_text(
    chart: Chart, metrics: Sequence[Metric], *, width: int = 80, listed: int = _FIRST_LISTED
) -> str:
    """Return the chart of ``metrics``, at most ``width`` characters wide where names allow that.

    As many of the newest commits are drawn as fit; the newest ``listed`` points stand below.
    """
    parts = [_legend(chart, width)]
    if metrics:
        parts.append(_draw_metrics(chart, metrics, width))
        parts.append(_list_points(chart, metrics[0], listed, width))
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


def _draw_metrics(chart: Chart, metrics: Sequence[Metric], width: int) -> str:
    """Return the plots of ``metrics`` one above the other, and the graph beneath them all."""
    window = _plan_window(chart.columns, width - _MARGIN)
    held = {metric: _drawn(chart, metric, window) for metric in metrics}
    drawn = [metric for metric in metrics if held[metric]]
    bounds = {
        metric: [format_number(bound(_values(chart, metric, held[metric]))) for bound in (max, min)]
        for metric in drawn
    }
    margin = max((len(label) for labels in bounds.values() for label in labels), default=0) + 2
    several = len(drawn) > 1
    parts = []
    for at, metric in enumerate(metrics):
        title = _title(metric)
        if at == 0 and window.count < chart.columns:
            title += f", the newest {window.count} of {chart.columns} commits"
        if metric not in bounds:
            parts.append(shorten(f"{_title(metric)}: no numbers to draw", width))
            continue
        plot = _draw_plot(chart, metric, window, _ROWS_OF_SEVERAL if several else _PLOT_ROWS)
        high, low = bounds[metric]
        left = [high, *[""] * (len(plot) - 2), low] if len(plot) > 1 else [high]
        rows = [
            f"{label:>{margin - 2}} {'┤' if label else '│'}{row}"
            for label, row in zip(left, plot, strict=True)
        ]
        parts.append("\n".join([shorten(title, width), *rows]))
    graph = [*_draw_graph(chart, window), *_draw_tags(chart, window, width - margin)]
    beneath = "\n".join(" " * margin + row for row in graph) if drawn else ""
    between = "\n\n" if several else "\n"
    return between.join(parts) + (f"\n{beneath}" if beneath else "")


def _title(metric: Metric) -> str:
    return metric.label + ("" if metric.way is None else f" ({metric.way} is better)")


def _draw_tags(chart: Chart, window: _Window, room: int) -> list[str]:
    """Return a line of the newest tags that there is room for, each beneath its commit."""
    line = ""
    for dot in reversed(chart.dots):
        if dot.tags and dot.column >= window.first:
            place = window.place(dot.column)
            more = f" +{len(dot.tags) - 1}" if len(dot.tags) > 1 else ""
            text = f"{_TAG} {shorten(dot.tags[0], max(room // 3, 6))}{more}"
            place = min(place, max(room - text_width(text), 0))
            if not line:
                line = " " * place + text
            elif place + text_width(text) < len(line) - len(line.lstrip(" ")):
                line = (" " * place + text) + line[place + text_width(text) :]
    return [line] if line else []


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


def _draw_plot(chart: Chart, metric: Metric, window: _Window, most: int) -> list[str]:
    shown = _drawn(chart, metric, window)
    values = _values(chart, metric, shown)
    low, high = min(values), max(values)
    rows = most if high > low else 1

    def row_of(value: float) -> int:
        return round((high - value) / (high - low) * (rows - 1)) if high > low else 0

    canvas = _Canvas(rows, window.characters)
    level = None if chart.production is None else chart.production.value(metric)
    for column in range(window.characters if level is not None else 0):
        canvas.put(row_of(level or 0), column, _LEVEL)
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


def _values(chart: Chart, metric: Metric, held: Sequence[tuple[Dot, Number]]) -> list[Number]:
    """Return the values that a plot has to have room for: its dots', and production's."""
    level = None if chart.production is None else chart.production.value(metric)
    return [*(value for _, value in held), *([] if level is None else [level])]


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
    return [row for row in canvas.lines() if row]


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


def _legend(chart: Chart, width: int) -> str:
    named = [f"{_MARKERS[lane.style]} {lane.branch}" for lane in chart.lanes if lane.branch]
    if any(lane.style == GREY for lane in chart.lanes):
        others = f"{chart.others} more, and merged" if chart.others else "merged, or on no branch"
        named.append(f"{_GREY_MARKER} {others}")
    if any(dot.snapshot is not None for dot in chart.dots):
        named.append(f"{_SNAPSHOT} snapshot")
    if chart.production is not None:
        named.append(f"{_LEVEL} production {chart.production.label}")
    lines: list[str] = []
    for name in named:
        if lines and text_width(lines[-1]) + 2 + text_width(name) <= width:
            lines[-1] += f"  {name}"
        else:
            lines.append(shorten(name, width))
    return "\n".join(lines)


def _list_points(chart: Chart, metric: Metric, limit: int, width: int) -> str:
    held = [dot for dot in chart.dots if metric.name in dot.values]
    rows = [_list_point(chart, metric, dot, width) for dot in held[max(len(held) - limit, 0) :]]
    if not rows:
        return ""
    widths = [max(text_width(row[at]) for row in rows) for at in range(_SUBJECT)]
    columns = next((some for some in _COLUMNS if _total(widths, some) <= width), _COLUMNS[-1])
    least, most = _SUBJECT_WIDTHS
    room = min(width - _total(widths, columns) - 2, most)
    lines = []
    for row in rows:
        cells = [_pad(row[at], widths[at], at == _VALUE) for at in columns]
        subject = f"  {shorten(row[_SUBJECT], room)}" if room >= least else ""
        lines.append(f"{cells[0]} {'  '.join(cells[1:])}{subject}".rstrip())
    return "\n".join(lines)


def _total(widths: Sequence[int], columns: Sequence[int]) -> int:
    return sum(widths[at] for at in columns) + 2 * len(columns) - 3


def _pad(text: str, width: int, right: bool) -> str:
    spaces = " " * (width - text_width(text))
    return spaces + text if right else text + spaces


def _list_point(chart: Chart, metric: Metric, dot: Dot, width: int) -> tuple[str, ...]:
    moved, better = chart.change(dot, metric)
    change = ""
    if moved:
        word = {True: " better", False: " worse", None: ""}[better]
        change = f"{'▲ +' if moved > 0 else '▼ -'}{format_number(abs(moved))}{word}"
    least, most = _WHERE_WIDTHS
    return (
        _marker(chart.lanes[dot.lane], dot),
        dot.snapshot if dot.snapshot is not None else (dot.commit or "")[:7],
        shorten(dot.where, min(max(width // 4, least), most)),
        format_number(dot.values[metric.name]),
        change,
        " ".join([*(f"{_TAG} {name}" for name in dot.tags), dot.subject]),
    )
