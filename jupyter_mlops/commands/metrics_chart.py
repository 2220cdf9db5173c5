"""The command ``metrics chart``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from jupyter_mlops.commands.chosen_history import (
    AllBranches,
    BranchNames,
    Limit,
    MetricNames,
    choose_points,
    read_branches,
)
from jupyter_mlops.commands.metrics_history import MetricResult
from jupyter_mlops.commands.production import find_level
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Document, Note
from jupyter_mlops.metrics.bokeh_chart import share_figure
from jupyter_mlops.metrics.chart import Metric, plan_chart, rank_metrics
from jupyter_mlops.metrics.compare import matches_name
from jupyter_mlops.metrics.drawing import MULTIPLES, Drawing, plan_drawing
from jupyter_mlops.metrics.read import Problem


@dataclass(frozen=True, slots=True)
class MetricsChartResult:
    """What a page needs to draw a history.

    ``item`` is Bokeh's figure, for BokehJS of version ``bokeh``, ``drawing`` the data it is filled
    with; ``item`` is null where there is nothing to draw. ``metrics`` are all that there are,
    ``points`` counts all commits and snapshots, drawn or not. ``shallow`` says that the clone lacks
    older commits.
    """

    bokeh: str
    item: dict[str, Any] | None
    drawing: Drawing
    metrics: tuple[MetricResult, ...]
    points: int
    current: str | None
    problems: tuple[Problem, ...]
    shallow: bool = False

    def describe(self) -> Document:
        """Return one line: this is for pages, not for reading."""
        return Document((Note(f"A chart of {self.points} points; --json prints it."),))


def metrics_chart(
    ws: Workspace,
    *,
    metric: MetricNames = (),
    branch: BranchNames = (),
    all_branches: AllBranches = False,
    limit: Limit = None,
) -> MetricsChartResult:
    """Give a page what it needs to draw how metrics moved.

    Without ``metric`` that is the most telling one; several are drawn one above the other, in the
    order in which they are named. Labels tell them from all others that there are.
    """
    read = read_branches(ws, branch=branch, all_branches=all_branches, limit=limit)
    better = ws.config.metrics.better
    ranked = rank_metrics(read.whole, better)
    chosen = choose_points(read.whole, metric or [one.name for one in ranked[:1]], limit)
    level, unknown = find_level(ws, (one.name for one in ranked))
    chart = plan_chart(chosen, better, read.current, level)
    named = sorted(chart.metrics, key=partial(_place, metric))[:MULTIPLES]
    labels = {one.name: one.label for one in ranked}
    drawing = plan_drawing(replace(chart, metrics=tuple(named)), labels)
    version, item = share_figure(max(len(drawing.metrics), 1))
    return MetricsChartResult(
        bokeh=version,
        item=item if drawing.metrics else None,
        drawing=drawing,
        metrics=tuple(MetricResult(one.name, one.label, one.way) for one in ranked),
        points=len(read.whole.points),
        current=read.current,
        problems=(*read.whole.problems, *unknown),
        shallow=read.shallow,
    )


def _place(names: Sequence[str], metric: Metric) -> int:
    """Return which of ``names`` means ``metric``."""
    return next((at for at, name in enumerate(names) if matches_name(metric.name, name)), 0)
