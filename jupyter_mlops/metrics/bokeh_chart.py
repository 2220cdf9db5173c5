"""A chart as HTML: inline for a notebook, or one page that needs no network.

Bokeh draws it. BokehJS and what it draws travel packed inside of the HTML; BokehJS is unpacked once
in a page. Where no script runs, the chart's text stands in its place.
"""

from __future__ import annotations

import html
import json
from functools import lru_cache
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_mlops.metrics.chart import Chart
from jupyter_mlops.metrics.drawing import MULTIPLES, plan_drawing
from jupyter_mlops.metrics.page import pack, packed_bokeh, page_script, read_asset, wrap_page

if TYPE_CHECKING:
    from bokeh.models import ColumnDataSource, Plot

_BORDER_PIXELS = 52
_SCRIPTS = ("chart_parts.js", "chart.js", "chart_controls.js")


def render_fragment(chart: Chart, text: str) -> str:
    """Return HTML to be put into a page; ``text`` stands there until, or unless, it is drawn."""
    drawing = plan_drawing(chart)
    figures = [share_figure(count) for count in range(1, MULTIPLES + 1)]
    given = {
        "version": figures[0][0],
        "items": [item for _, item in figures],
        "chart": msgspec.to_builtins(drawing),
    }
    encoded = json.dumps(given, allow_nan=False, separators=(",", ":")).encode("ascii")
    ident = f"mlops-{token_hex(6)}"
    return (
        f'<div class="mlops-history" id="{ident}">\n<style>{read_asset("chart.css")}</style>\n'
        '<div class="head"></div>\n<div class="legend"></div>\n'
        f'<div class="plots"><pre>{html.escape(text)}</pre></div>\n'
        '<p class="zoom" hidden></p>\n<p class="readout" aria-live="polite"></p>\n'
        "<details hidden><summary>Show as table</summary></details>\n"
        f"{packed_bokeh()}\n"
        f'<script type="text/plain" class="drawing">{pack(encoded, 6)}</script>\n'
        f"<script>(() => {{\n{page_script(*_SCRIPTS)}"
        f'drawMlopsHistory(document.getElementById("{ident}"));\n'
        "})();</script>\n</div>"
    )


def render_page(chart: Chart, text: str, title: str) -> str:
    """Return a whole page, light or dark as the reader's system is."""
    return wrap_page(title, render_fragment(chart, text))


def load_bokeh() -> None:
    """Import what drawing needs, which takes half a second the first time."""
    import bokeh.embed
    import bokeh.models  # noqa: F401


@lru_cache(maxsize=MULTIPLES)
def share_figure(count: int) -> tuple[str, Any]:
    """Return Bokeh's version and a figure of ``count`` metrics as a JSON item.

    They stand one above the other, over the commit graph, on one x axis; ``chart.js`` fills them
    with data. It is made once in this process, so that equal charts have equal bytes. Nobody
    changes it, and a page shows it once at a time.
    """
    import bokeh
    from bokeh.embed import json_item
    from bokeh.models import Column, Range1d

    x_range = Range1d(start=0, end=1, name="commits-range")
    plots = [*(_build_values(at, x_range) for at in range(count)), _build_lanes(x_range)]
    column = Column(children=[*plots], sizing_mode="stretch_width", spacing=0)
    return bokeh.__version__, json_item(column)


def _build_values(at: int, x_range: Any) -> Plot:
    from bokeh.models import BasicTickFormatter, Grid, HSpan, LinearAxis, Range1d, Text
    from bokeh.models.annotations import Title

    plot = _new_plot(f"values-{at}", x_range, Range1d(start=0, end=1, name=f"values-{at}-range"))
    plot.title = Title(
        text="",
        name=f"values-{at}-title",
        tags=["title"],
        text_font_size="11px",
        text_font_style="bold",
        visible=False,
    )
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
    level = _source(f"values-{at}-production", "x", "y", "text")
    plot.add_glyph(level, HSpan(y="y", line_dash=[6, 3], line_width=1.5, tags=["guide"]))
    name = Text(
        x="x",
        y="y",
        text="text",
        y_offset=-2,
        text_align="right",
        text_baseline="bottom",
        text_font_size="10px",
        tags=["label"],
    )
    plot.add_glyph(level, name)
    _add_marks(plot, f"values-{at}")
    return plot


def _build_lanes(x_range: Any) -> Plot:
    from bokeh.models import FixedTicker, LinearAxis, NoOverlap, Range1d, Text

    plot = _new_plot("lanes", x_range, Range1d(start=-1, end=1, name="lanes-range"))
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
    _add_marks(plot, "lanes")
    labels = Text(
        x="x", y="y", text="text", text_font_size="10px", text_baseline="middle", tags=["label"]
    )
    plot.add_glyph(_source("tags", "x", "y", "text"), labels)
    return plot


def _add_marks(plot: Plot, name: str) -> None:
    """Add what every plot has: lines of tags, lines, dots, rings of snapshots, the cursor."""
    from bokeh.models import MultiLine, Scatter, VSpan

    plot.add_glyph(_source(f"{name}-tagged", "x"), VSpan(x="x", line_dash=[1, 3], tags=["faint"]))
    plot.add_glyph(
        _source(f"{name}-lines", "xs", "ys", "colour", "dash", "width"),
        MultiLine(xs="xs", ys="ys", line_color="colour", line_dash="dash", line_width="width"),
    )
    plot.add_glyph(
        _source(f"{name}-dots", "x", "y", "colour", "marker", "size"),
        Scatter(
            x="x", y="y", size="size", marker="marker", fill_color="colour", line_color="colour"
        ),
    )
    plot.add_glyph(
        _source(f"{name}-rings", "x", "y", "colour", "size"),
        Scatter(x="x", y="y", size="size", fill_color=None, line_color="colour", line_width=1.5),
    )
    plot.add_glyph(_source(f"{name}-line", "x"), VSpan(x="x", tags=["guide"]))
    plot.add_glyph(
        _source(f"{name}-cursor", "x", "y", "size"),
        Scatter(x="x", y="y", size="size", fill_color=None, line_width=2, tags=["cursor"]),
    )


def _new_plot(name: str, x_range: Any, y_range: Any) -> Plot:
    from bokeh.models import BoxZoomTool, Plot

    plot = Plot(
        name=f"{name}-plot",
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


def _source(name: str, *columns: str) -> ColumnDataSource:
    from bokeh.models import ColumnDataSource

    return ColumnDataSource(data={column: [] for column in columns}, name=name)
