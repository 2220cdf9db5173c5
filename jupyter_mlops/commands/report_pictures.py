"""The pictures of a report: how metrics came here, and plots, the base's beside this state's."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

from jupyter_mlops.commands.plot_results import PlotsResult
from jupyter_mlops.document import Figure, Gallery
from jupyter_mlops.document.cells import shorten
from jupyter_mlops.document.render_html import render_image
from jupyter_mlops.metrics.read import label_names
from jupyter_mlops.plots.drawing import DrawnPlot, PlotTrace
from jupyter_mlops.plots.gallery import make_galleries
from jupyter_mlops.reports.state_report import MetricRow
from jupyter_mlops.text import visible

DRAWN_METRICS = 4
"""How many of the metrics that moved have a picture of their history."""

_DIAGRAMS = 2
_FEWEST_RESULTS = 3
_PLAIN = re.compile(r"[^\w .,:/()+=@-]")
_HERE = "here"
_TITLE_LETTERS = 50
_SMALLEST, _LARGEST = 1e-6, 1e12
_SIZES = (
    "    width: 320",
    "    height: 210",
    "    titleFontSize: 12",
    "    xAxis:",
    "      labelFontSize: 11",
    "      titleFontSize: 11",
    "    yAxis:",
    "      labelFontSize: 11",
)
"""Small enough for a phone: where Mermaid has to shrink a chart, it cuts labels at the edges."""


def plot_figures(result: PlotsResult) -> tuple[Figure, ...]:
    """Return the plots that differ as one figure; none where none does."""
    figures = (block for block in result.describe().blocks if isinstance(block, Figure))
    galleries = lru_cache(1)(partial(make_galleries, result.revisions, result.plots))
    return tuple(replace(figure, galleries=galleries) for figure in figures)


def history_figures(
    rows: Sequence[MetricRow], branch: str | None, production: str | None
) -> tuple[Figure, ...]:
    """Return how the metrics that moved came here, along the branch's own line, as one figure.

    Production's value is a line beside it.
    """
    labels = label_names([row.name for row in rows])
    drawings = [
        _draw_history(row, labels[row.name], branch, production)
        for row in rows
        if row.moved and len(_results(row)) >= _FEWEST_RESULTS
    ][:DRAWN_METRICS]
    if not drawings:
        return ()
    galleries = lru_cache(1)(partial(make_galleries, (), drawings))
    return (
        Figure(
            "How they came here",
            "",
            partial(_render_html, galleries),
            galleries,
            tuple(_write_diagram(one) for one in drawings if _is_plain(one))[:_DIAGRAMS],
        ),
    )


def _results(row: MetricRow) -> list[tuple[int, float]]:
    """Return the finite values of a metric, each with how many results it is before this one."""
    last = len(row.history) - 1
    return [
        (at - last, float(value))
        for at, value in enumerate(row.history)
        if value is not None and math.isfinite(value)
    ]


def _draw_history(
    row: MetricRow, label: str, branch: str | None, production: str | None
) -> DrawnPlot:
    results = _results(row)
    at = tuple(float(place) for place in range(len(results)))
    own = PlotTrace(
        visible(branch or _HERE), 0, 0, at, tuple(value for _, value in results), len(results)
    )
    traces = [own]
    if production is not None and row.production is not None and math.isfinite(row.production):
        level = tuple(float(row.production) for _ in at)
        traces.append(PlotTrace(visible(f"production {production}"), 1, -1, at, level, 1))
    return DrawnPlot(
        name=row.name,
        title=visible(label),
        template="line",
        source="",
        x_label="results before this one",
        mode="line",
        scale="category",
        categories=tuple(str(-place) for place, _ in results),
        traces=tuple(traces),
    )


def _render_html(galleries: Callable[[], tuple[Gallery, ...]]) -> str:
    return "\n".join(render_image(one) for gallery in galleries() for one in gallery.images)


def _is_plain(drawing: DrawnPlot) -> bool:
    """Return whether all values can be written without an exponent, which Mermaid does not read."""
    every = [value for trace in drawing.traces for value in trace.y if value]
    return all(_SMALLEST <= abs(value) < _LARGEST for value in every)


def _write_number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _write_diagram(drawing: DrawnPlot) -> str:
    """Return a history in Mermaid's language, which has no legend: the title says what is what."""
    every = [value for trace in drawing.traces for value in trace.y if value is not None]
    low, high = min(every), max(every)
    pad = (high - low) * 0.08 or abs(low) * 0.05 or 0.5
    level = f" (flat line: {drawing.traces[1].label})" if len(drawing.traces) > 1 else ""
    names = ", ".join(f'"{name}"' for name in drawing.categories)
    lines = [
        "---",
        "config:",
        "  xyChart:",
        *_SIZES,
        "  themeVariables:",
        "    xyChart:",
        '      plotColorPalette: "#3b82f6, #8b949e"',
        "---",
        "xychart-beta",
        f'    title "{shorten(_PLAIN.sub("·", drawing.title + level), _TITLE_LETTERS)}"',
        f'    x-axis "{drawing.x_label}" [{names}]',
        f"    y-axis {_write_number(low - pad)} --> {_write_number(high + pad)}",
    ]
    for trace in drawing.traces:
        values = ", ".join(_write_number(value) for value in trace.y if value is not None)
        lines.append(f"    line [{values}]")
    return "\n".join(lines)
