"""A chart as HTML: inline for a notebook, or one page that needs no network.

Bokeh draws it. BokehJS travels packed inside of the HTML, and is unpacked once in a page; where no
script runs, the chart's text stands in its place.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from jupyter_mlops.metrics.chart import Chart
from jupyter_mlops.metrics.drawing import Drawing, DrawnGroup, Shape, plan_drawing

if TYPE_CHECKING:
    from bokeh.models import ColumnDataSource, Plot

_LANE_PIXELS = 16
_HEIGHT_PIXELS = 210
_BORDER_PIXELS = 52


def render_fragment(chart: Chart, text: str) -> str:
    """Return HTML to be put into a page; ``text`` stands there until, or unless, it is drawn."""
    drawing = plan_drawing(chart)
    version, item = build_figure(drawing.shape)
    given = {"version": version, "item": item, "chart": asdict(drawing)}
    ident = f"mlops-{token_hex(6)}"
    return (
        f'<div class="mlops-history" id="{ident}">\n<style>{_asset("chart.css")}</style>\n'
        f"{_head(drawing)}{_legend(drawing)}"
        f'<div class="plot" role="img" tabindex="0"><pre>{html.escape(text)}</pre></div>\n'
        '<p class="readout" aria-live="polite"></p>\n'
        "<details><summary>Show as table</summary></details>\n"
        f'<script type="text/plain" class="bokehjs">{_packed_bokeh()}</script>\n'
        f"<script>(() => {{\n{_script()}"
        f'drawMlopsHistory(document.getElementById("{ident}"), {_encode_json(given)});\n'
        "})();</script>\n</div>"
    )


def render_page(chart: Chart, text: str, title: str) -> str:
    """Return a whole page, light or dark as the reader's system is."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_PAGE_CSS}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n{render_fragment(chart, text)}\n</body>\n</html>\n"
    )


_PAGE_CSS = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 16px; max-width: 1600px; background: #fff; color: #1f2328;
  font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 16px; font-weight: 600; margin: 0 0 8px; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3; } }
@media (max-width: 400px) { body { padding: 8px; } }
"""


def load_bokeh() -> None:
    """Import what drawing needs, which takes half a second the first time."""
    import bokeh.embed
    import bokeh.models  # noqa: F401


@lru_cache(maxsize=32)
def share_figure(shape: Shape) -> tuple[str, Any]:
    """Return what :func:`build_figure` does, in this process once for equal shapes.

    So what did not change has equal bytes. Nobody changes it, and a page shows it once at a time.
    """
    return build_figure(shape)


def build_figure(shape: Shape) -> tuple[str, Any]:
    """Return Bokeh's version and a new figure as a JSON item; ``chart.js`` fills it with data."""
    import bokeh
    from bokeh.embed import json_item
    from bokeh.models import Column, Range1d

    x_range = Range1d(start=-0.6, end=shape.columns - 0.4)
    plots = [_build_values(shape, x_range), _build_lanes(shape, x_range)]
    column = Column(children=[*plots], sizing_mode="stretch_width", spacing=0)
    return bokeh.__version__, json_item(column)


def _build_values(shape: Shape, x_range: Any) -> Plot:
    from bokeh.models import BasicTickFormatter, Grid, Line, LinearAxis, Range1d, Scatter

    plot = _new_plot("values-plot", x_range, Range1d(start=0, end=1, name="values"))
    plot.height = _HEIGHT_PIXELS
    axis = LinearAxis(
        tags=["axis"],
        axis_label=None,
        minor_tick_line_color=None,
        major_label_text_font_size="11px",
        formatter=BasicTickFormatter(precision=4, use_scientific=True, power_limit_high=6),
    )
    axis.ticker.desired_num_ticks = 5
    plot.add_layout(axis, "left")
    plot.add_layout(Grid(dimension=1, ticker=axis.ticker, tags=["grid"]))
    size = _dot_size(shape)
    for at, group in enumerate(shape.groups):
        line = Line(x="x", y="y", line_width=2, line_dash=list(group.dash), tags=["line", at])
        plot.add_glyph(_source(f"line-{at}", "x", "y"), line)
    for at, group in enumerate(shape.groups):
        dots = Scatter(x="x", y="y", size=size, marker=group.marker, tags=["dots", at])
        plot.add_glyph(_source(f"commits-{at}", "x", "y"), dots)
    for at, _ in enumerate(shape.groups):
        plot.add_glyph(_source(f"snapshots-{at}", "x", "y"), _ring(size + 3, at))
    plot.add_glyph(_source("cursor", "x", "y"), _cursor(size + 8))
    return plot


def _build_lanes(shape: Shape, x_range: Any) -> Plot:
    from bokeh.models import FixedTicker, LinearAxis, MultiLine, NoOverlap, Range1d, Scatter

    count = shape.lanes
    plot = _new_plot("lanes-plot", x_range, Range1d(start=0.4 - count, end=0.6))
    axis = LinearAxis(
        name="commits",
        tags=["axis"],
        major_label_policy=NoOverlap(min_distance=4),
        major_label_text_font_size="11px",
        axis_line_color=None,
        major_tick_in=0,
        major_tick_out=3,
    )
    axis.ticker = FixedTicker(ticks=[])  # type: ignore[assignment]
    plot.add_layout(axis, "below")
    plot.height = _LANE_PIXELS * count + 34
    size = max(_dot_size(shape) - 1, 3)
    for at, _ in enumerate(shape.groups):
        edges = MultiLine(xs="xs", ys="ys", line_width=1.5, tags=["line", at])
        plot.add_glyph(_source(f"edges-{at}", "xs", "ys"), edges)
    for at, group in enumerate(shape.groups):
        dots = Scatter(x="x", y="y", size=size, marker=group.marker, tags=["dots", at])
        plot.add_glyph(_source(f"lane-commits-{at}", "x", "y"), dots)
    for at, _ in enumerate(shape.groups):
        plot.add_glyph(_source(f"lane-snapshots-{at}", "x", "y"), _ring(size + 3, at))
    plot.add_glyph(_source("lane-cursor", "x", "y"), _cursor(size + 7))
    return plot


def _new_plot(name: str, x_range: Any, y_range: Any) -> Plot:
    from bokeh.models import BoxZoomTool, Plot

    plot = Plot(
        name=name,
        x_range=x_range,
        y_range=y_range,
        sizing_mode="stretch_width",
        min_width=120,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        toolbar_location=None,
        min_border_left=_BORDER_PIXELS,
        min_border_right=10,
        min_border_top=6,
        min_border_bottom=4,
    )
    plot.add_tools(BoxZoomTool(dimensions="width"))
    return plot


def _ring(size: float, group: int) -> Any:
    from bokeh.models import Scatter

    return Scatter(
        x="x",
        y="y",
        size=size,
        marker="circle",
        fill_color=None,
        line_width=1.5,
        tags=["line", group],
    )


def _cursor(size: float) -> Any:
    from bokeh.models import Scatter

    return Scatter(
        x="x", y="y", size=size, marker="circle", fill_color=None, line_width=2, tags=["cursor"]
    )


def _source(name: str, *columns: str) -> ColumnDataSource:
    from bokeh.models import ColumnDataSource

    return ColumnDataSource(data={column: [] for column in columns}, name=name)


def _dot_size(shape: Shape) -> float:
    return 9 if shape.columns <= 40 else 7 if shape.columns <= 120 else 4


def _head(drawing: Drawing) -> str:
    options = "".join(
        f'<option value="{at}">{html.escape(metric.label)}</option>'
        for at, metric in enumerate(drawing.metrics)
    )
    return (
        f'<div class="head"><select aria-label="Metric">{options}</select>'
        '<span class="way"></span></div>\n'
    )


def _legend(drawing: Drawing) -> str:
    buttons = "".join(
        f'<button type="button" data-group="{at}" aria-pressed="true">{_swatch(group)}'
        f'<span class="name">{html.escape(group.label)}</span></button>'
        for at, group in enumerate(drawing.groups)
    )
    ring = (
        '<span class="key"><svg width="14" height="14" aria-hidden="true" fill="none" '
        'stroke="currentColor" stroke-width="1.5"><circle cx="7" cy="7" r="5"/></svg>'
        "snapshot</span>"
    )
    return f'<div class="legend">{buttons}{ring if drawing.has_snapshots else ""}</div>\n'


def _swatch(group: DrawnGroup) -> str:
    dash = " ".join(str(length) for length in group.dash) or "none"
    return (
        '<svg width="28" height="14" aria-hidden="true" style="color: var(--mlops-colour)" '
        f'fill="currentColor" stroke="currentColor"><path d="M0 7H28" stroke-width="2" '
        f'stroke-dasharray="{dash}"/><path d="{group.shape}"/></svg>'
    )


def _encode_json(value: object) -> str:
    """Return JSON that may stand in a script: no tag can begin or end in it."""
    encoded = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return encoded.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@lru_cache(maxsize=1)
def _packed_bokeh() -> str:
    from bokeh.util.paths import bokehjs_path

    source = (Path(bokehjs_path()) / "js" / "bokeh.min.js").read_bytes()
    return base64.b64encode(gzip.compress(source, 9, mtime=0)).decode("ascii")


def _script() -> str:
    """Return what draws and what its controls do, as one script; ``export`` is for modules."""
    return _asset("chart.js").replace("\nexport ", "\n") + _asset("chart_controls.js")


@lru_cache(maxsize=4)
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
