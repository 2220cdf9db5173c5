"""A chart as the values that a page draws: dots, lines and edges, in groups that look alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from jupyter_mlops.config import Better
from jupyter_mlops.metrics.chart import GREY, Chart, Metric
from jupyter_mlops.metrics.read import Number

METRICS_LIMIT = 40
"""How many metrics one drawing lets choose from."""


_MARKERS = (
    "circle",
    "square",
    "triangle",
    "diamond",
    "inverted_triangle",
    "hex",
    "star",
    "square_pin",
)
_DASHES: tuple[tuple[int, ...], ...] = (
    (),
    (7, 3),
    (2, 2),
    (8, 3, 2, 3),
    (12, 4),
    (4, 2),
    (1, 3),
    (10, 2, 2, 2, 2, 2),
)
_GREY_DASH = (1, 2)
_SHAPES = {
    "circle": "M10 7a4 4 0 1 0 8 0 4 4 0 1 0-8 0Z",
    "square": "M10.5 3.5h7v7h-7Z",
    "triangle": "M14 2.5 18.5 10.5H9.5Z",
    "diamond": "M14 1.5 18 7 14 12.5 10 7Z",
    "inverted_triangle": "M14 11.5 18.5 3.5H9.5Z",
    "hex": "M14 2.2 18.2 4.6V9.4L14 11.8 9.8 9.4V4.6Z",
    "star": "m14 1.6 1.5 3.6 3.9.3-3 2.5 1 3.8-3.4-2-3.4 2 1-3.8-3-2.5 3.9-.3Z",
    "square_pin": "M9.8 2.8Q14 5 18.2 2.8 16 7 18.2 11.2 14 9 9.8 11.2 12 7 9.8 2.8Z",
}
"""Each marker as the path of an SVG of 28 by 14, in its middle."""


@dataclass(frozen=True, slots=True)
class DrawnGroup:
    """Lanes drawn alike: one branch's, or, with ``branch`` null, all that share the grey look.

    ``label`` is what a legend says. ``style`` numbers the colour, -1 is grey; ``marker`` is Bokeh's
    name of the dots' form, ``shape`` the same as an SVG path; ``dash`` are the line's lengths.
    """

    branch: str | None
    label: str
    style: int
    marker: str
    shape: str
    dash: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DrawnMetric:
    """One metric: what it is called, which way is better, and, for each dot, value and change.

    ``deltas`` are against the dot before, ``better`` whether that is an improvement; null where
    there is none, or nobody knows.
    """

    name: str
    label: str
    way: Better | None
    values: tuple[Number | None, ...]
    deltas: tuple[Number | None, ...]
    better: tuple[bool | None, ...]


@dataclass(frozen=True, slots=True)
class DrawnDot:
    """One commit, or one snapshot of it; ``where`` names its branch and counts the others."""

    column: int
    lane: int
    group: int
    commit: str | None
    snapshot: str | None
    where: str
    subject: str
    author: str | None
    when: str


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """The dots that a group's line passes, oldest first."""

    group: int
    dots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """A dot and one that it grew from; ``merge`` for all parents but the first."""

    parent: int
    child: int
    merge: bool
    group: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What the figure depends on that is filled with a drawing's data."""

    columns: int
    lanes: int
    groups: tuple[DrawnGroup, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is drawn; dots are named by their position, groups likewise."""

    columns: int
    lanes: int
    groups: tuple[DrawnGroup, ...]
    metrics: tuple[DrawnMetric, ...]
    dots: tuple[DrawnDot, ...]
    lines: tuple[DrawnLine, ...]
    edges: tuple[DrawnEdge, ...]

    @property
    def shape(self) -> Shape:
        """The shape of the figure for this drawing."""
        return Shape(self.columns, self.lanes, self.groups)

    @property
    def has_snapshots(self) -> bool:
        """Whether a dot is a snapshot's."""
        return any(dot.snapshot is not None for dot in self.dots)


def plan_drawing(chart: Chart, labels: Mapping[str, str] | None = None) -> Drawing:
    """Return the drawing of ``chart``; of more metrics than a page can hold, the first ones.

    ``labels`` are what metrics are called, by their names, where that is not as in the chart.
    """
    groups = _plan_groups(chart)
    group_of = [
        at if lane.style != GREY else len(groups) - 1 for at, lane in enumerate(chart.lanes)
    ]
    dots = tuple(
        DrawnDot(
            column=dot.column,
            lane=dot.lane,
            group=group_of[dot.lane],
            commit=dot.commit,
            snapshot=dot.snapshot,
            where=chart.where(dot),
            subject=dot.subject,
            author=dot.author,
            when=dot.when,
        )
        for dot in chart.dots
    )
    edges = tuple(
        DrawnEdge(
            edge.parent,
            edge.child,
            edge.merge,
            dots[edge.parent if edge.merge else edge.child].group,
        )
        for edge in chart.edges
    )
    return Drawing(
        columns=chart.columns,
        lanes=len(chart.lanes),
        groups=groups,
        metrics=tuple(
            _draw_metric(chart, metric, (labels or {}).get(metric.name, metric.label))
            for metric in chart.metrics[:METRICS_LIMIT]
        ),
        dots=dots,
        lines=tuple(DrawnLine(group_of[line.lane], line.dots) for line in chart.lines),
        edges=edges,
    )


def _plan_groups(chart: Chart) -> tuple[DrawnGroup, ...]:
    groups = [_group(lane.branch, lane.style) for lane in chart.lanes if lane.style != GREY]
    if any(lane.style == GREY for lane in chart.lanes):
        others = f"{chart.others} more, and merged" if chart.others else "merged, or on no branch"
        groups.append(DrawnGroup(None, others, GREY, "circle", _SHAPES["circle"], _GREY_DASH))
    return tuple(groups)


def _group(branch: str | None, style: int) -> DrawnGroup:
    marker = _MARKERS[style]
    return DrawnGroup(branch, branch or "", style, marker, _SHAPES[marker], _DASHES[style])


def _draw_metric(chart: Chart, metric: Metric, label: str) -> DrawnMetric:
    changes = [chart.change(dot, metric) for dot in chart.dots]
    return DrawnMetric(
        name=metric.name,
        label=label,
        way=metric.way,
        values=tuple(dot.value(metric) for dot in chart.dots),
        deltas=tuple(_finite(moved) for moved, _ in changes),
        better=tuple(better for _, better in changes),
    )


def _finite(value: Number | None) -> Number | None:
    return value if value is not None and math.isfinite(value) else None
