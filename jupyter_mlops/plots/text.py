"""Plots as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from jupyter_mlops.document.cells import shorten, text_width
from jupyter_mlops.plots.drawing import DrawnPlot, PlotMatrix, PlotSide, PlotTrace
from jupyter_mlops.units import format_bytes, format_number

_MARKERS = "●■▲◆▼★✚▰"
_GREY_MARKER = "•"
_ROWS = 11
_FEW_POINTS = 40
_BARS_LIMIT = 20
_CLASSES_LIMIT = 10
_LABEL_WIDTH = 14

_Point = tuple[float, float]


def render_text(
    sides: Sequence[PlotSide], drawings: Sequence[DrawnPlot], *, width: int = 80
) -> str:
    """Return all plots, about ``width`` characters wide, with what was left out below each."""
    parts = []
    for drawing in drawings:
        notes = [f"  {note}" for note in drawing.notes]
        if drawing.same:
            notes.append("  the same in all")
        body = render_drawing(sides, drawing, width=width)
        parts.append("\n".join([drawing.title, body, *notes]))
    return "\n\n".join(parts)


def render_drawing(sides: Sequence[PlotSide], drawing: DrawnPlot, *, width: int = 80) -> str:
    """Return one plot, without its title and notes."""
    if drawing.images:
        return "\n".join(_list_images(sides, drawing))
    if drawing.matrices:
        return "\n".join(line for one in drawing.matrices for line in _draw_matrix(drawing, one))
    if drawing.mode == "bars":
        return "\n".join(_draw_bars(drawing, width))
    return "\n".join(_draw_traces(drawing, width))


def _list_images(sides: Sequence[PlotSide], drawing: DrawnPlot) -> Iterator[str]:
    for image in drawing.images:
        size = f"{image.width} × {image.height}, " if image.width and image.height else ""
        kind = image.media_type.partition("/")[2].partition("+")[0].upper()
        yield f"  {sides[image.side].label}: {kind}, {size}{format_bytes(image.size_bytes)}"
    yield "  --html FILE shows it"


def _draw_matrix(drawing: DrawnPlot, matrix: PlotMatrix) -> Iterator[str]:
    """Yield a line for each actual class; of many classes only those on the diagonal."""
    classes = drawing.categories
    sign = "+" if matrix.minus is not None else ""
    yield f"  {matrix.label}: rows are {drawing.y_label}, columns {drawing.x_label}"
    names = [shorten(name, _LABEL_WIDTH) for name in classes]
    margin = max(map(text_width, names))
    if len(classes) > _CLASSES_LIMIT:
        for at, name in list(enumerate(names))[:_BARS_LIMIT]:
            right, total = matrix.counts[at][at], sum(matrix.counts[at])
            told = f"{right:{sign},} right" if sign else f"{right:,} right of {total:,}"
            yield f"  {_pad(name, margin)}  {told}"
        if len(names) > _BARS_LIMIT:
            yield f"  and {len(names) - _BARS_LIMIT} more classes"
        return
    cells = [[f"{count:{sign},}" if count else "·" for count in row] for row in matrix.counts]
    widths = [
        max(text_width(name), *(len(row[at]) for row in cells)) for at, name in enumerate(names)
    ]
    yield (
        "  "
        + " " * margin
        + "".join(
            "  " + _pad(name, room, right=True) for name, room in zip(names, widths, strict=True)
        )
    )
    for name, row in zip(names, cells, strict=True):
        told = "".join(f"  {cell:>{room}}" for cell, room in zip(row, widths, strict=True))
        yield f"  {_pad(name, margin)}{told}"


def _draw_bars(drawing: DrawnPlot, width: int) -> Iterator[str]:
    if len(drawing.traces) > 1:
        yield from _legend(drawing)
    heights = [value for trace in drawing.traces for value in trace.y if value is not None]
    largest = max(map(abs, heights), default=0.0)
    names = [shorten(name, _LABEL_WIDTH) for name in drawing.categories]
    margin = max(map(text_width, names), default=0)
    room = max(width - margin - 18, 10)
    for place, name in list(enumerate(names))[:_BARS_LIMIT]:
        for trace in drawing.traces:
            value = next((y for x, y in zip(trace.x, trace.y, strict=True) if x == place), None)
            if value is None:
                continue
            bar = "█" * (round(abs(value) / largest * room) if largest else 0)
            mark = f"{_marker(trace)} " if len(drawing.traces) > 1 else ""
            yield f"  {_pad(name, margin)}  {mark}{bar or '▏'} {format_number(value)}"
            name = ""
    if len(names) > _BARS_LIMIT:
        yield f"  and {len(names) - _BARS_LIMIT} more"


def _draw_traces(drawing: DrawnPlot, width: int) -> Iterator[str]:
    several = [_points(trace) for trace in drawing.traces]
    every = [point for points in several for point in points]
    if not every:
        yield "  no numbers to draw"
        return
    if len(several) > 1 or drawing.traces[0].label not in (drawing.x_label, drawing.y_label):
        yield from _legend(drawing)
    (left, right), (low, high) = (_bounds([point[axis] for point in every]) for axis in (0, 1))
    labels = [format_number(high), format_number(low)]
    margin = max(map(len, labels)) + 2
    columns = max(width - margin - 4, 20)
    cells = [[" "] * columns for _ in range(_ROWS)]

    def place(point: _Point) -> tuple[int, int]:
        column = _share(point[0], left, right) * (columns - 1)
        return round(column), round((1 - _share(point[1], low, high)) * (_ROWS - 1))

    for trace, points in zip(drawing.traces, several, strict=True):
        places = [place(point) for point in points]
        many = len(places) > _FEW_POINTS
        if drawing.mode != "dots":
            for before, after in pairwise(places):
                _draw_slope(cells, before, after, _marker(trace) if many else "·")
        for column, row in places:
            cells[row][column] = _marker(trace)
    for at, drawn in enumerate(cells):
        label = labels[0] if at == 0 else labels[1] if at == _ROWS - 1 else ""
        yield f"  {label:>{margin - 2}} {'┤' if label else '│'}{''.join(drawn)}".rstrip()
    ends = _name_x(drawing, left), _name_x(drawing, right)
    room = columns - sum(map(text_width, ends))
    middle = shorten(drawing.x_label, max(room - 2, 0))
    yield f"{' ' * (margin + 2)}{ends[0]}{_centre(middle, room)}{ends[1]}"


def _draw_slope(
    cells: list[list[str]], before: tuple[int, int], after: tuple[int, int], mark: str
) -> None:
    (x0, y0), (x1, y1) = before, after
    steps = max(abs(x1 - x0), abs(y1 - y0))
    for step in range(1, steps):
        x, y = round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps)
        if cells[y][x] == " ":
            cells[y][x] = mark


def _points(trace: PlotTrace) -> list[_Point]:
    return [
        (x, y) for x, y in zip(trace.x, trace.y, strict=True) if x is not None and y is not None
    ]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _share(value: float, low: float, high: float) -> float:
    """Return where ``value`` lies, 0 to 1; halves, since the difference may be no number."""
    spread = high / 2 - low / 2
    return (value / 2 - low / 2) / spread if spread > 0 and math.isfinite(spread) else 0.5


def _name_x(drawing: DrawnPlot, x: float) -> str:
    if drawing.scale == "category":
        at = round(x)
        inside = 0 <= at < len(drawing.categories)
        return shorten(drawing.categories[at], _LABEL_WIDTH) if inside else ""
    if drawing.scale == "time":
        try:
            return datetime.fromtimestamp(x / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        except (ValueError, OverflowError, OSError):
            return ""
    return format_number(x)


def _legend(drawing: DrawnPlot) -> Iterator[str]:
    yield "  " + "  ".join(f"{_marker(trace)} {trace.label}" for trace in drawing.traces)


def _marker(trace: PlotTrace) -> str:
    return _MARKERS[trace.style] if trace.style >= 0 else _GREY_MARKER


def _pad(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - text_width(text))
    return space + text if right else text + space


def _centre(text: str, width: int) -> str:
    left = max((width - text_width(text)) // 2, 1)
    return " " * left + text + " " * max(width - text_width(text) - left, 1)
