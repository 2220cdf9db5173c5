"""Plots as SVG images that stand alone, light or dark as the reader's system is; pure.

Equal plots have equal bytes. Their look is that of the page: see ``chart_parts.js``.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from jupyter_mlops.document.cells import shorten, text_width
from jupyter_mlops.plots.drawing import DrawnPlot, PlotMatrix, PlotTrace
from jupyter_mlops.units import format_number

LIGHT = (
    *("#0060a8", "#c14a00", "#00795a", "#a0408a", "#7a5c00", "#4b4fc4", "#b3123f", "#38707f"),
    "#6b7280",
)
DARK = (
    *("#62b4ff", "#ff9a52", "#3fd0a4", "#ee94d2", "#e3c34a", "#a9a8ff", "#ff8099", "#86c9da"),
    "#9aa3af",
)
"""The colours of styles, and last the grey one."""

DASHES = ("", "7 3", "2 2", "8 3 2 3", "12 4", "4 2", "1 3", "10 2 2 2", "1 2")

_SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "M-3.5-3.5h7v7h-7Z",
    "M0-4.5 4.5 3.5H-4.5Z",
    "M0-5.5 4 0 0 5.5-4 0Z",
    "M0 4.5 4.5-3.5H-4.5Z",
    "M0-4.8 4.2-2.4V2.4L0 4.8-4.2 2.4V-2.4Z",
    "m0-5.4 1.5 3.6 3.9.3-3 2.5 1 3.8-3.4-2-3.4 2 1-3.8-3-2.5 3.9-.3Z",
    "M-4.2-4.2Q0-2 4.2-4.2 2 0 4.2 4.2 0 2-4.2 4.2-2 0-4.2-4.2Z",
)
_FEW_POINTS = 40
_WIDTH = 364
_HEIGHT = 264
"""All have one size, so that two stand beside each other in a comment, in rows."""

_LETTER = 6.1
"""How wide a letter of the small text is taken to be, in pixels."""

_EDGE = 12
_ROW = 16
_LEGEND_ROWS = 4
_KEY = 34
_TICKS = 4
_FEW_CLASSES = 12
_CELL_WIDTHS = (12.0, 84.0)
_CELL_HEIGHTS = (12.0, 58.0)
_MATRIX_TOP = 76.0
_UNFIT = dict.fromkeys((0xFFFE, 0xFFFF), "?")

_Point = tuple[float, float]
_Place = Callable[[_Point], _Point]


def draw_svgs(drawing: DrawnPlot) -> tuple[bytes, ...]:
    """Return a plot as SVG images: one, or one for each matrix; none where it has images."""
    if drawing.images:
        return ()
    if drawing.matrices:
        return tuple(_draw_matrix(drawing, one) for one in drawing.matrices)
    return (_draw_traces(drawing),)


def _draw_traces(drawing: DrawnPlot) -> bytes:
    several = [_points(drawing, at, trace) for at, trace in enumerate(drawing.traces)]
    every = [point for points in several for point in points]
    body = [_title(drawing.title)]
    legend, top = _legend(drawing)
    body += legend
    if not every:
        body.append(_text(_EDGE, top + 30, "no numbers to draw", "quiet"))
        return _wrap(body, _HEIGHT)
    x_bounds, y_bounds = _bounds([x for x, _ in every]), _bounds([y for _, y in every])
    if drawing.scale == "category":
        x_bounds = (-0.5, len(drawing.categories) - 0.5)
    if drawing.mode == "bars" or drawing.template in ("histogram", "residuals"):
        y_bounds = (min(y_bounds[0], 0.0), max(y_bounds[1], 0.0))
    ticks = _ticks(*y_bounds)
    margin = _EDGE + max((text_width(label) for _, label in ticks), default=0) * _LETTER + 6
    left, right = margin, _WIDTH - _EDGE - 4
    bottom = _HEIGHT - (44 if drawing.x_label else 28)

    def place(point: _Point) -> _Point:
        x, y = point
        return (
            left + 4 + _share(x, *x_bounds) * (right - left - 8),
            bottom - 6 - _share(y, *y_bounds) * (bottom - top - 14),
        )

    for value, label in ticks:
        y = place((x_bounds[0], value))[1]
        body.append(f'<path class="grid" d="M{left:.1f} {y:.1f}H{right}"/>')
        body.append(_text(left - 6, y + 4, label, "quiet", anchor="end"))
    body.append(f'<path class="axis" d="M{left:.1f} {bottom}H{right}"/>')
    body += _label_x(drawing, x_bounds, place, bottom)
    if drawing.guide == "diagonal":
        body.append(f'<path class="guide" d="{_path([place((0, 0)), place((1, 1))])}"/>')
    elif drawing.guide == "zero":
        ends = [place((x, 0.0)) for x in x_bounds]
        body.append(f'<path class="guide" d="{_path(ends)}"/>')
    for trace, points in zip(drawing.traces, several, strict=True):
        body += _draw_trace(drawing, trace, points, place)
    if drawing.x_label:
        name = shorten(drawing.x_label, int((right - left) / _LETTER))
        body.append(_text((left + right) / 2, bottom + 32, name, "quiet", anchor="middle"))
    return _wrap(body, _HEIGHT)


def _draw_trace(
    drawing: DrawnPlot, trace: PlotTrace, points: Sequence[_Point], place: _Place
) -> Iterator[str]:
    look = trace.style % len(LIGHT)
    if drawing.mode == "bars":
        wide = 0.8 / len(drawing.traces)
        for x, y in points:
            x0, y0 = place((x - wide / 2, max(y, 0.0)))
            x1, y1 = place((x + wide / 2, min(y, 0.0)))
            size = f'width="{max(x1 - x0, 0.5):.1f}" height="{max(y1 - y0, 1):.1f}"'
            yield f'<rect class="c{look}" x="{x0:.1f}" y="{y0:.1f}" {size}/>'
        return
    places = [place(point) for point in points]
    if drawing.mode != "dots":
        dash = f' stroke-dasharray="{DASHES[look]}"' if DASHES[look] else ""
        for run in _runs(trace, places):
            if len(run) > 1:
                yield f'<path class="line c{look}"{dash} d="{_path(run)}"/>'
    is_marked = trace.style >= 0 or len(places) == 1
    if drawing.mode == "dots" or (
        drawing.mode == "line" and len(places) <= _FEW_POINTS and is_marked
    ):
        shape = _SHAPES[look % len(_SHAPES)]
        scale = 0.6 if len(places) > _FEW_POINTS else 0.8
        for x, y in places:
            move = f"translate({x:.1f} {y:.1f}) scale({scale})"
            yield f'<path class="c{look}" transform="{move}" d="{shape}"/>'


def _runs(trace: PlotTrace, places: Sequence[_Point]) -> list[list[_Point]]:
    """Return the points between gaps, where a value is missing."""
    runs: list[list[_Point]] = [[]]
    waiting = iter(places)
    for x, y in zip(trace.x, trace.y, strict=True):
        if x is None or y is None:
            runs.append([])
        else:
            runs[-1].append(next(waiting))
    return runs


def _points(drawing: DrawnPlot, at: int, trace: PlotTrace) -> list[_Point]:
    """Return what is drawn of a trace; bars of one category stand beside each other."""
    count = len(drawing.traces)
    shift = (at - (count - 1) / 2) * 0.8 / count if drawing.mode == "bars" else 0.0
    return [
        (x + shift, y)
        for x, y in zip(trace.x, trace.y, strict=True)
        if x is not None and y is not None
    ]


def _legend(drawing: DrawnPlot) -> tuple[list[str], float]:
    """Return what names the traces, in rows, and where the plot begins below it."""
    y = 44.0
    traces = drawing.traces
    if len(traces) == 1 and traces[0].label in (drawing.x_label, drawing.y_label, drawing.title):
        return [], y - 12
    drawn: list[str] = []
    x, rows = float(_EDGE), 1
    for at, trace in enumerate(traces):
        label = shorten(trace.label, int((_WIDTH - 2 * _EDGE - _KEY) / _LETTER))
        wide = _KEY + text_width(label) * _LETTER + 12
        if x > _EDGE and x + wide > _WIDTH - _EDGE:
            x, rows = float(_EDGE), rows + 1
            if rows > _LEGEND_ROWS:
                drawn.append(_text(x, y + _ROW, f"and {len(traces) - at} more", "quiet"))
                return drawn, y + 2 * _ROW - 4
            y += _ROW
        drawn += _draw_key(drawing, trace, x, y - 4)
        drawn.append(_text(x + _KEY, y, label))
        x += wide
    return drawn, y + 10


def _draw_key(drawing: DrawnPlot, trace: PlotTrace, x: float, y: float) -> Iterator[str]:
    look = trace.style % len(LIGHT)
    if drawing.mode == "bars":
        yield f'<rect class="c{look}" x="{x + 18:.1f}" y="{y - 5:.1f}" width="10" height="10"/>'
        return
    if drawing.mode != "dots":
        dash = f' stroke-dasharray="{DASHES[look]}"' if DASHES[look] else ""
        yield f'<path class="line c{look}"{dash} d="M{x:.1f} {y:.1f}h28"/>'
    if drawing.mode != "outline" and trace.style >= 0:
        move = f"translate({x + 14:.1f} {y:.1f})"
        yield f'<path class="c{look}" transform="{move}" d="{_SHAPES[look]}"/>'


def _label_x(drawing: DrawnPlot, bounds: _Point, place: _Place, bottom: float) -> Iterator[str]:
    """Yield as many labels as there is room for below the axis."""
    most = 14
    if drawing.scale == "category":
        ticks = [(float(at), name) for at, name in enumerate(drawing.categories)]
        apart = place((1.0, 0.0))[0] - place((0.0, 0.0))[0]
        most = min(max(int(apart / _LETTER) - 1, 4), most)
    elif drawing.scale == "time":
        spread = (bounds[1] - bounds[0]) / 3
        ticks = [(at, _name_time(at, spread)) for at in (bounds[0] + spread * n for n in range(4))]
    else:
        ticks = _ticks(*bounds)
    free = 0.0
    for value, label in ticks:
        shown = shorten(label, most)
        half = text_width(shown) * _LETTER / 2
        x = min(max(place((value, 0.0))[0], half + 2), _WIDTH - half - 4)
        if shown and x - half >= free:
            yield _text(x, bottom + 15, shown, "quiet", anchor="middle")
            free = x + half + 4


def _name_time(milliseconds: float, spread: float) -> str:
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    return f"{moment:%Y-%m-%d}" if spread >= 86_400_000 else f"{moment:%d. %H:%M}"


def _draw_matrix(drawing: DrawnPlot, matrix: PlotMatrix) -> bytes:
    """Return a matrix whose cells are the deeper the more they count of their row.

    In a difference they are as deep as the largest change, in one colour where more, another less.
    """
    count = max(len(drawing.categories), 1)
    names = [shorten(name, 12) for name in drawing.categories]
    left = _EDGE + max(map(text_width, names), default=0) * _LETTER + 8
    wide = _between((_WIDTH - left - _EDGE) / count, *_CELL_WIDTHS)
    high = _between((_HEIGHT - _MATRIX_TOP - _EDGE) / count, *_CELL_HEIGHTS)
    letters = int((_WIDTH - 2 * _EDGE) / _LETTER)
    axes = f"rows {drawing.y_label}, columns {drawing.x_label}"
    body = [
        _title(drawing.title),
        _text(_EDGE, 38, shorten(matrix.label, letters)),
        _text(_EDGE, 53, shorten(axes, letters), "quiet"),
    ]
    room = int((wide - 4) / _LETTER)
    for at, name in enumerate(names):
        y = _MATRIX_TOP + high * (at + 0.5) + 4
        body.append(_text(left - 6, y, name, anchor="end"))
        if text_width(name) <= room or count <= _FEW_CLASSES:
            x = left + wide * (at + 0.5)
            body.append(_text(x, _MATRIX_TOP - 5, shorten(name, room), anchor="middle"))
    largest = max((abs(cell) for row in matrix.counts for cell in row), default=0)
    for row, cells in enumerate(matrix.counts):
        total = sum(cells) if matrix.minus is None else largest
        for column, cell in enumerate(cells):
            x, y = left + column * wide, _MATRIX_TOP + row * high
            place = f'x="{x:.1f}" y="{y:.1f}" width="{wide - 1:.1f}" height="{high - 1:.1f}"'
            body.append(f'<rect class="cell" {place}/>')
            if cell:
                depth = f'fill-opacity="{abs(cell) / total * 0.55:.2f}" stroke-opacity="0"'
                body.append(f'<rect class="c{int(cell < 0)}" {depth} {place}/>')
            told = f"{cell:+}" if cell and matrix.minus is not None else str(cell)
            if len(told) <= room and high >= _ROW:
                middle = (x + wide / 2 - 0.5, y + high / 2 + 3.5)
                body.append(_text(*middle, told, "" if cell else "quiet", anchor="middle"))
    return _wrap(body, max(_HEIGHT, _MATRIX_TOP + high * count + _EDGE))


def _between(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Return round numbers between two bounds, and how they are written."""
    step = (high - low) / _TICKS
    if not math.isfinite(step) or step <= 0:
        return [(low, format_number(low)), (high, format_number(high))]
    power = 10.0 ** math.floor(math.log10(step))
    step = power * next(one for one in (1, 2, 2.5, 5, 10) if one * power >= step * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(at * step, format_number(float(f"{at * step:.10g}"))) for at in range(first, last + 1)]


def _bounds(values: Sequence[float]) -> _Point:
    low, high = min(values), max(values)
    if high > low:
        return low, high
    pad = abs(low) * 0.05 or 0.5
    return low - pad, high + pad


def _share(value: float, low: float, high: float) -> float:
    """Return where ``value`` lies, 0 to 1; halves, since the difference may be no number."""
    spread = high / 2 - low / 2
    return (value / 2 - low / 2) / spread if spread > 0 and math.isfinite(spread) else 0.5


def _path(points: Sequence[_Point]) -> str:
    kept = [points[0], *(new for old, new in pairwise(points) if old != new)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept)


def _title(text: str) -> str:
    return _text(_EDGE, 22, shorten(text, int((_WIDTH - 2 * _EDGE) / 7.4)), "title")


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    placed = f' text-anchor="{anchor}"' if anchor else ""
    safe = html.escape(text.translate(_UNFIT), quote=False)
    return f'<text{named}{placed} x="{x:.1f}" y="{y:.1f}">{safe}</text>'


def _wrap(body: Sequence[str], height: float) -> bytes:
    """Return an image around ``body``; its ground is drawn, as the page around may be either."""
    high = math.ceil(height)
    size = f'width="{_WIDTH}" height="{high}" viewBox="0 0 {_WIDTH} {high}"'
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>\n{_CSS}</style>\n'
        f'<rect class="ground" x=".5" y=".5" width="{_WIDTH - 1}" height="{high - 1}" rx="6"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )
    return text.encode("utf-8", "replace")


def _css(colours: Sequence[str], ground: str, edge: str, text: str, quiet: str, faint: str) -> str:
    rules = [
        f".ground{{fill:{ground};stroke:{edge}}}",
        f"text{{fill:{text}}}",
        f".quiet{{fill:{quiet}}}",
        f".grid,.axis,.guide{{stroke:{edge}}}",
        f".axis,.guide{{stroke:{quiet}}}",
        f".cell{{fill:{faint}}}",
        *(f".c{at}{{fill:{one};stroke:{one}}}" for at, one in enumerate(colours)),
        ".line,.grid,.axis,.guide{fill:none}",
    ]
    return "\n".join(rules)


_CSS = (
    'text{font:11px system-ui,-apple-system,"Segoe UI","Helvetica Neue",Arial,sans-serif;'
    "font-variant-numeric:tabular-nums}\n.title{font-size:13px;font-weight:600}\n"
    ".line{stroke-width:2;stroke-linejoin:round}\n.guide{stroke-dasharray:3 3}\n"
    + _css(LIGHT, "#ffffff", "#d1d9e0", "#1f2328", "#59636e", "#f6f8fa")
    + "\n@media (prefers-color-scheme:dark){\n"
    + _css(DARK, "#0d1117", "#3d444d", "#f0f6fc", "#9198a1", "#151b23")
    + "\n}\n"
)
