"""Figures of Bokeh without data, which ``plots.js`` fills; colours are those of the page."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jupyter_mlops.plots.drawing import Mode, Scale

if TYPE_CHECKING:
    from bokeh.models import Axis, ColumnDataSource, Plot

_HEIGHT_PIXELS = 240
_BORDER_PIXELS = 52
_TICKS = 5


@lru_cache(maxsize=32)
def share_figure(mode: Mode, scale: Scale, traces: int) -> tuple[str, Any]:
    """Return Bokeh's version and a figure as a JSON item.

    It is made once in this process, so that equal plots have equal bytes. Nobody changes it.
    """
    import bokeh
    from bokeh.embed import json_item
    from bokeh.models import Grid, Line, Scatter

    plot = _new_plot()
    across, up = _new_axis("x-axis", scale), _new_axis("y-axis", "number")
    plot.add_layout(across, "below")
    plot.add_layout(up, "left")
    plot.add_layout(Grid(axis=up, dimension=1, tags=["grid"]))
    plot.add_glyph(_source("guide"), Line(x="x", y="y", line_dash=[3, 3], tags=["guide"]))
    for at in range(traces):
        _add_trace(plot, mode, at, traces)
    for at in range(traces if mode in ("line", "dots") else 0):
        plot.add_glyph(_source(f"dots-{at}"), Scatter(x="x", y="y", tags=["dots", at]))
    ring = Scatter(x="x", y="y", size=14, fill_color=None, line_width=2, tags=["cursor"])
    plot.add_glyph(_source("cursor"), ring)
    return bokeh.__version__, json_item(plot)


def _new_plot() -> Plot:
    from bokeh.models import BoxZoomTool, Plot, Range1d

    plot = Plot(
        name="plot",
        x_range=Range1d(start=0, end=1, name="x"),
        y_range=Range1d(start=0, end=1, name="y"),
        height=_HEIGHT_PIXELS,
        sizing_mode="stretch_width",
        min_width=120,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        toolbar_location=None,
        min_border_left=_BORDER_PIXELS,
        min_border_right=14,
        min_border_top=6,
        min_border_bottom=4,
    )
    plot.add_tools(BoxZoomTool())
    return plot


def _new_axis(name: str, scale: Scale) -> Axis:
    from bokeh.models import (
        BasicTicker,
        BasicTickFormatter,
        DatetimeAxis,
        DatetimeTicker,
        FixedTicker,
        LinearAxis,
        NoOverlap,
    )

    axis: Axis
    if scale == "time":
        axis = DatetimeAxis(ticker=DatetimeTicker(desired_num_ticks=_TICKS))
    elif scale == "category":
        axis = LinearAxis()
        axis.ticker = FixedTicker(ticks=[])  # type: ignore[assignment]
        axis.major_label_policy = NoOverlap(min_distance=4)
    else:
        axis = LinearAxis(ticker=BasicTicker(desired_num_ticks=_TICKS))
        axis.formatter = BasicTickFormatter(precision=4, power_limit_high=6)
    axis.update(
        name=name,
        tags=["axis"],
        minor_tick_line_color=None,
        major_label_text_font_size="11px",
        axis_label_text_font_size="12px",
    )
    return axis


def _add_trace(plot: Plot, mode: Mode, at: int, traces: int) -> None:
    from bokeh.models import Line, VBar

    source = _source(f"trace-{at}")
    if mode == "bars":
        bar = VBar(x="x", top="y", bottom=0, width=0.8 / traces, tags=["bars", at])
        plot.add_glyph(source, bar)
    elif mode != "dots":
        plot.add_glyph(source, Line(x="x", y="y", line_width=2, tags=["line", at]))


def _source(name: str) -> ColumnDataSource:
    from bokeh.models import ColumnDataSource

    return ColumnDataSource(data={"x": [], "y": []}, name=name)
