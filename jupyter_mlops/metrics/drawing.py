"""A chart as the values that a page draws.

What there are thousands of stands in columns, one value a dot or edge, so that it is small and soon
read. Dots are named by their position, branches and authors likewise. ``chart.js`` draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jupyter_mlops.config import Better
from jupyter_mlops.document.cells import shorten
from jupyter_mlops.metrics.chart import Chart, Metric
from jupyter_mlops.metrics.read import Number

METRICS_LIMIT = 40
"""How many metrics one drawing lets choose from."""

VALUES_LIMIT = 120_000
"""How many values of metrics one drawing holds: of many dots fewer metrics."""

MULTIPLES = 5
"""How many metrics are drawn at once, one above the other."""

_ID_LENGTH = 12
_NAME_WIDTH = 120
_SUBJECT_WIDTH = 200
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class DrawnMetric:
    """One metric: what it is called, which way is better, its value at each dot and in production.

    A value is null where there is none, or none that can be drawn.
    """

    name: str
    label: str
    way: Better | None
    values: tuple[Number | None, ...]
    production: Number | None


@dataclass(frozen=True, slots=True)
class DrawnDots:
    """Commits and snapshots of them, oldest first, in columns of equal length.

    ``branch`` is the branch that a dot is on, -1 for none, ``others`` counts further ones that hold
    its commit; ``commit`` has the first 12 characters of ids; ``author`` is -1 where nobody is
    known; ``previous`` is the dot that it is compared with, -1 for none.
    """

    column: tuple[int, ...]
    lane: tuple[int, ...]
    branch: tuple[int, ...]
    others: tuple[int, ...]
    commit: tuple[str | None, ...]
    snapshot: tuple[str | None, ...]
    subject: tuple[str, ...]
    author: tuple[int, ...]
    when: tuple[str, ...]
    previous: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DrawnEdges:
    """Dots and those that they grew from; ``merge`` for all parents but the first."""

    parent: tuple[int, ...]
    child: tuple[int, ...]
    merge: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class DrawnTags:
    """A dot, and the tags that it carries."""

    dot: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is drawn.

    The first ``styled`` of ``branches`` have a look of their own at first. ``lines`` are dots that
    one line passes, oldest first; it belongs to the branch of the last. ``left_out`` counts metrics
    that the chart has and the drawing has no room for. ``production`` says what is in production,
    null where nothing does.
    """

    columns: int
    lanes: int
    branches: tuple[str, ...]
    styled: int
    authors: tuple[str, ...]
    metrics: tuple[DrawnMetric, ...]
    left_out: int
    dots: DrawnDots
    edges: DrawnEdges
    lines: tuple[tuple[int, ...], ...]
    tags: tuple[DrawnTags, ...]
    production: str | None


def plan_drawing(chart: Chart, labels: Mapping[str, str] | None = None) -> Drawing:
    """Return the drawing of ``chart``; of more metrics than a page can hold, the first ones.

    ``labels`` are what metrics are called, by their names, where that is not as in the chart.
    """
    dots = chart.dots
    styled = [lane.branch for lane in chart.lanes if lane.branch is not None]
    branches = _number([*styled, *(dot.branch for dot in dots)])
    authors = _number(dot.author for dot in dots)
    room = max(VALUES_LIMIT // max(len(dots), 1), MULTIPLES)
    metrics = chart.metrics[: min(METRICS_LIMIT, room)]
    return Drawing(
        columns=chart.columns,
        lanes=len(chart.lanes),
        branches=tuple(_cut(name, _NAME_WIDTH) for name in branches),
        styled=len(styled),
        authors=tuple(_cut(name, _NAME_WIDTH) for name in authors),
        metrics=tuple(
            _draw_metric(chart, metric, (labels or {}).get(metric.name, metric.label))
            for metric in metrics
        ),
        left_out=len(chart.metrics) - len(metrics),
        dots=DrawnDots(
            column=tuple(dot.column for dot in dots),
            lane=tuple(dot.lane for dot in dots),
            branch=tuple(branches.get(dot.branch or "", _NOBODY) for dot in dots),
            others=tuple(dot.others for dot in dots),
            commit=tuple(dot.commit and dot.commit[:_ID_LENGTH] for dot in dots),
            snapshot=tuple(dot.snapshot for dot in dots),
            subject=tuple(_cut(dot.subject, _SUBJECT_WIDTH) for dot in dots),
            author=tuple(authors.get(dot.author or "", _NOBODY) for dot in dots),
            when=tuple(dot.when for dot in dots),
            previous=tuple(_NOBODY if dot.previous is None else dot.previous for dot in dots),
        ),
        edges=DrawnEdges(
            parent=tuple(edge.parent for edge in chart.edges),
            child=tuple(edge.child for edge in chart.edges),
            merge=tuple(edge.merge for edge in chart.edges),
        ),
        lines=tuple(line.dots for line in chart.lines),
        tags=tuple(
            DrawnTags(at, tuple(_cut(name, _NAME_WIDTH) for name in dot.tags))
            for at, dot in enumerate(dots)
            if dot.tags
        ),
        production=None if chart.production is None else _cut(chart.production.label, _NAME_WIDTH),
    )


def _cut(text: str, width: int) -> str:
    return shorten(text[: 4 * width], width)


def _number(names: Iterable[str | None]) -> dict[str, int]:
    """Return a position for each name, in the order of their first."""
    found = dict.fromkeys(name for name in names if name)
    return {name: at for at, name in enumerate(found)}


def _draw_metric(chart: Chart, metric: Metric, label: str) -> DrawnMetric:
    return DrawnMetric(
        name=metric.name,
        label=label,
        way=metric.way,
        values=tuple(dot.value(metric) for dot in chart.dots),
        production=None if chart.production is None else chart.production.value(metric),
    )
