"""The command ``metrics history``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from jupyter_mlops.commands.number_trees import HOW_TO_LOG, problem_notes
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.config import Better
from jupyter_mlops.document import Block, Document, Figure, Note
from jupyter_mlops.errors import NotFoundError, UsageError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.history import iter_history, list_branches
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_blob_reader
from jupyter_mlops.metrics.bokeh_chart import render_fragment, render_page
from jupyter_mlops.metrics.chart import Chart, plan_chart
from jupyter_mlops.metrics.history import History, Point, SnapshotPoint, read_history, select
from jupyter_mlops.metrics.patterns import compile_patterns, plain_patterns
from jupyter_mlops.metrics.read import Problem
from jupyter_mlops.metrics.text_chart import render_text
from jupyter_mlops.snapshots.listing import list_snapshots
from jupyter_mlops.units import plural

DETACHED = "HEAD"
"""What stands for a branch where HEAD is detached."""

_DRAWN_AS_TEXT = 3


@dataclass(frozen=True, slots=True)
class MetricResult:
    """One metric of the history: its full name, a short label, and which way it is better."""

    name: str
    label: str
    better: Better | None


@dataclass(frozen=True, slots=True)
class MetricsHistoryResult:
    """Points of every commit that changed a metrics file, and of snapshots, oldest first.

    ``current`` is the branch of the working tree, ``html`` the page that was written.
    """

    branches: tuple[str, ...]
    points: tuple[Point, ...]
    metrics: tuple[MetricResult, ...] = ()
    current: str | None = None
    problems: tuple[Problem, ...] = ()
    html: str | None = None

    def describe(self) -> Document:
        """Return the chart, and what was left out."""
        notes: tuple[Block, ...] = problem_notes(self.problems)
        if self.html is not None:
            notes = (Note(f"The chart is in {self.html}.", "good"), *notes)
        if not self.metrics:
            none = Note("No commit and no snapshot holds a metric yet.")
            return Document((none, HOW_TO_LOG, *notes))
        chart, text = self._draw()
        figure = Figure(self._title(), text, partial(render_fragment, chart, text))
        return Document((figure, *notes))

    def render_page(self) -> str:
        """Return the chart as one HTML page that needs no network."""
        return render_page(*self._draw(), self._title())

    def _draw(self) -> tuple[Chart, str]:
        better = {one.name: one.better for one in self.metrics if one.better is not None}
        chart = plan_chart(History(self.branches, self.points), better, self.current)
        few = len(chart.metrics) <= _DRAWN_AS_TEXT
        text = render_text(chart, chart.metrics if few else chart.metrics[:1])
        if not few:
            others = ", ".join(metric.label for metric in chart.metrics[1:])
            text += f"\n\nOther metrics, drawn with --metric NAME: {others}"
        return chart, text

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
    metric: Annotated[
        tuple[str, ...],
        Arg("Only this metric: its full name, or the end of it.", "NAME", complete="metric"),
    ] = (),
    branch: Annotated[
        tuple[str, ...],
        Arg("Only this branch; all local ones by default.", "NAME", complete="branch"),
    ] = (),
    all_branches: Annotated[bool, Arg("Remote-tracking branches as well.")] = False,
    limit: Annotated[int | None, Arg("Only the newest so many points.", "N", "-n")] = None,
    html: Annotated[
        Path | None,
        Arg("Also write the chart to this file, which needs no network.", "FILE", complete="path"),
    ] = None,
) -> MetricsHistoryResult:
    """Show how metrics moved along the commits of branches.

    Every commit that changed a metrics file is a point, and so is every snapshot, at the commit
    that it is tied to. A commit is on those branches whose first-parent line holds it.
    """
    if limit is not None and limit < 1:
        raise UsageError(
            f"--limit is {limit}, but must be at least 1.",
            code="limit-invalid",
            hints=("jupyter mlops metrics history --help",),
        )
    now = head(ws.git)
    branches = _choose_branches(ws.git, branch, all_branches=all_branches)
    if not branch and now.branch is None and now.commit is not None:
        branches[DETACHED] = now.commit
    history = _read(ws, branches, only=bool(branch))
    known = history.metrics
    history = select(history, metric, limit)
    if metric and known and not history.points:
        raise NotFoundError(
            f"No metric is called {' or '.join(metric)}.",
            code="unknown-metric",
            hints=("jupyter mlops metrics show",),
        )
    chart = plan_chart(history, ws.config.metrics.better, now.branch)
    target = None if html is None else Path(os.path.normpath(ws.cwd / html))
    result = MetricsHistoryResult(
        branches=history.branches,
        points=history.points,
        metrics=tuple(MetricResult(one.name, one.label, one.way) for one in chart.metrics),
        current=now.branch,
        problems=history.problems,
        html=None if target is None else str(target),
    )
    if target is not None:
        WorkTree(target.parent).write_file(target.name, result.render_page().encode("utf-8"))
    return result


def _read(ws: Workspace, branches: Mapping[str, str], *, only: bool) -> History:
    files = ws.config.metrics.files
    snapshots = [
        SnapshotPoint(
            id=listed.id,
            name=listed.name,
            base=listed.base,
            created_at=listed.record.created_at,
            message=listed.record.message,
            values=listed.record.metrics,
        )
        for listed in list_snapshots(ws.git)
    ]
    bases = [] if only else [one.base for one in snapshots if one.base is not None]
    tips = list(dict.fromkeys([*branches.values(), *bases]))
    return read_history(
        iter_history(ws.git, tips, plain_patterns(files)) if files else [],
        branches,
        snapshots,
        compile_patterns(files),
        partial(_read_blobs, ws.git),
        loose=not only,
    )


def _choose_branches(
    git: Repository, chosen: Sequence[str], *, all_branches: bool
) -> dict[str, str]:
    known = list_branches(git, all_branches=all_branches or bool(chosen))
    if not chosen:
        return known
    missing = [name for name in chosen if name not in known]
    if missing:
        raise NotFoundError(
            f"There is no branch {missing[0]!r}.",
            code="unknown-branch",
            hints=("git branch --all",),
        )
    return {name: known[name] for name in chosen}


def _read_blobs(git: Repository, oids: Sequence[str]) -> list[tuple[str, bytes]]:
    with open_blob_reader(git) as reader:
        return list(zip(oids, reader.read_many(oids), strict=True))
