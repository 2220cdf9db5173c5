"""The command ``metrics history``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.chosen_history import (
    SHALLOW,
    AllBranches,
    BranchNames,
    Limit,
    MetricNames,
    read_chosen_history,
)
from jupyter_mlops.commands.number_trees import HOW_TO_LOG, problem_notes
from jupyter_mlops.commands.production import find_level
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import Better
from jupyter_mlops.document import Block, Document, Figure, Hint, Note
from jupyter_mlops.document.cells import wrap
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.metrics.bokeh_chart import render_fragment, render_page
from jupyter_mlops.metrics.chart import Chart, Level, plan_chart, rank_metrics
from jupyter_mlops.metrics.history import History, Point
from jupyter_mlops.metrics.known_facts import FETCH_ALL, NOT_FETCHED
from jupyter_mlops.metrics.read import Problem
from jupyter_mlops.metrics.text_chart import render_text
from jupyter_mlops.units import plural

_DRAWN_AS_TEXT = 3
_PAGE_WIDTH = 80


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric of the history: its full name, a short label, and which way it is better."""

    name: str
    label: str
    better: Better | None


@dataclass(frozen=True, slots=True)
class MetricsHistoryResult:
    """Points of every commit that changed a metrics file, and of snapshots, oldest first.

    ``current`` is the branch of the working tree, ``html`` the page that was written. ``shallow``
    says that the clone lacks older commits. ``production`` has the values of what is in production,
    null where nothing says so.
    """

    branches: tuple[str, ...]
    points: tuple[Point, ...]
    metrics: tuple[MetricResult, ...] = ()
    current: str | None = None
    problems: tuple[Problem, ...] = ()
    html: str | None = None
    shallow: bool = False
    production: Level | None = None

    def describe(self) -> Document:
        """Return the chart, and what was left out."""
        notes: tuple[Block, ...] = problem_notes(self.problems)
        if any(problem.why == NOT_FETCHED for problem in self.problems):
            notes = (*notes, Hint("To fetch them", FETCH_ALL))
        if self.shallow:
            notes = (*notes, *SHALLOW)
        if self.html is not None:
            notes = (Note(f"The chart is in {self.html}.", "good"), *notes)
        if not self.metrics:
            none = Note("No commit and no snapshot holds a metric yet.")
            return Document((none, HOW_TO_LOG, *notes))
        chart = self._plan()
        text = partial(_draw_text, chart)
        html = partial(_draw_html, chart)
        return Document((Figure(self._title(), text, html), *notes))

    def render_page(self) -> str:
        """Return the chart as one HTML page that needs no network."""
        chart = self._plan()
        return render_page(chart, _draw_text(chart, _PAGE_WIDTH), self._title())

    def _plan(self) -> Chart:
        better = {one.name: one.better for one in self.metrics if one.better is not None}
        return plan_chart(
            History(self.branches, self.points), better, self.current, self.production
        )

    def _title(self) -> str:
        commits = sum(1 for point in self.points if point.snapshot is None)
        snapshots = len(self.points) - commits
        branches = len(self.branches)
        title = f"Metrics over {plural(commits, 'commit')}"
        title += f" on {branches} branch{'' if branches == 1 else 'es'}"
        return title + (f" and {plural(snapshots, 'snapshot')}" if snapshots else "")


def metrics_history(
    ws: Workspace,
    *,
    metric: MetricNames = (),
    branch: BranchNames = (),
    all_branches: AllBranches = False,
    limit: Limit = None,
    html: Annotated[
        Path | None,
        Arg(
            "Also write the chart to this file, which needs no network.",
            "FILE",
            complete="path",
            rest=False,
        ),
    ] = None,
) -> MetricsHistoryResult:
    """Show how metrics moved along the commits of branches.

    Every commit that changed a metrics file is a point, and so is every snapshot, at the commit
    that it is tied to. A commit is on those branches whose first-parent line holds it.
    """
    read = read_chosen_history(
        ws, metric=metric, branch=branch, all_branches=all_branches, limit=limit
    )
    target = None if html is None else Path(os.path.normpath(ws.cwd / html))
    ranked = rank_metrics(read.chosen, ws.config.metrics.better)
    level, unknown = find_level(ws, (one.name for one in ranked))
    result = MetricsHistoryResult(
        branches=read.chosen.branches,
        points=tuple(read.chosen.points),
        metrics=tuple(MetricResult(one.name, one.label, one.way) for one in ranked),
        current=read.current,
        problems=(*read.chosen.problems, *unknown),
        html=None if target is None else str(target),
        shallow=read.shallow,
        production=level,
    )
    if target is not None:
        WorkTree(target.parent).write_file(target.name, result.render_page().encode("utf-8"))
    return result


def _draw_html(chart: Chart) -> str:
    return render_fragment(chart, _draw_text(chart, _PAGE_WIDTH))


def _draw_text(chart: Chart, width: int) -> str:
    few = len(chart.metrics) <= _DRAWN_AS_TEXT
    text = render_text(chart, chart.metrics if few else chart.metrics[:1], width=width)
    if few:
        return text
    others = ", ".join(metric.label for metric in chart.metrics[1:])
    return "\n".join([text, "", *wrap(f"Other metrics, drawn with --metric NAME: {others}", width)])
