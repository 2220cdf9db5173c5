"""What a report is made of: the state, its base, production, and how the metrics came there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jupyter_mlops.commands.chosen_history import DETACHED, read_chosen_history
from jupyter_mlops.commands.ci import find_state_base
from jupyter_mlops.commands.number_files import metric_files
from jupyter_mlops.commands.number_trees import Source, logged_tree, open_revision
from jupyter_mlops.commands.production import Production, is_configured, read_production
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.git.bases import Base
from jupyter_mlops.git.revisions import head
from jupyter_mlops.metrics.compare import delta, direction, is_better
from jupyter_mlops.metrics.history import History
from jupyter_mlops.metrics.read import Number, Read, read_metrics
from jupyter_mlops.reports.state_report import MetricRow

_HISTORY_POINTS = 16


@dataclass(frozen=True, slots=True)
class Sides:
    """The base and the working tree. ``base`` is None where there is no base; ``why`` says which.

    ``why`` completes "compared with".
    """

    base: Source | None
    state: Source
    why: str
    head: str | None
    branch: str | None


def find_report_base(ws: Workspace, named: str | None) -> Base:
    """Return the commit that a report compares with: where the branch began, or ``named``.

    Raises:
        NotFoundError: what it should be compared with is nowhere (code ``base-not-found``).
        UnavailableError: the Git remote cannot be read.
    """
    commit = head(ws.git).commit
    if commit is None:
        return Base(None, "nothing: there is no commit yet", is_none=True)
    return find_state_base(ws.git, commit, named, os.environ).require()


def open_report_sides(ws: Workspace, base: Base) -> Sides:
    """Return what a report compares: the base and the working tree, with what is logged by now."""
    now = head(ws.git)
    state = Source(None, None, logged_tree(ws, (*ws.config.metrics.files, *ws.config.params.files)))
    source = open_revision(ws, base.commit[:12]) if base.commit is not None else None
    return Sides(source, state, base.why, now.commit, now.branch)


def read_metric_rows(
    ws: Workspace, sides: Sides, production: Production | None
) -> tuple[tuple[MetricRow, ...], Read[Number]]:
    """Return each metric of state and base, those of the state first, and what was skipped."""
    assert sides.state.tree is not None
    new = read_metrics(sides.state.tree, metric_files(ws.config, sides.state.tree))
    base_tree = None if sides.base is None else sides.base.tree
    old: Read[Number] = (
        Read() if base_tree is None else read_metrics(base_tree, metric_files(ws.config, base_tree))
    )
    lines = _read_lines(ws, sides, new.values)
    better = ws.config.metrics.better
    rows = []
    for name in [*new.values, *(name for name in old.values if name not in new.values)]:
        before, after = old.values.get(name), new.values.get(name)
        rows.append(
            MetricRow(
                name=name,
                base=before,
                value=after,
                delta=delta(before, after),
                better=is_better(before, after, direction(name, better)),
                production=None if production is None else production.find(name),
                history=lines.get(name, ()),
            )
        )
    return tuple(rows), Read(new.values, (*new.problems, *old.problems))


def read_production_values(ws: Workspace, *, yes: bool) -> tuple[Production | None, str | None]:
    """Return production's metrics, or why they cannot be had; neither where nothing names it."""
    if not is_configured(ws):
        return None, None
    try:
        found = read_production(ws, yes=yes)
    except MlopsError as error:
        return None, f"What is in production is not known: {error.message}"
    return found, None


def _read_lines(
    ws: Workspace, sides: Sides, values: Mapping[str, Number]
) -> dict[str, tuple[Number | None, ...]]:
    """Return, by metric, its last values on the line of HEAD's first parents, then the present."""
    if sides.head is None:
        return {}
    branch = (sides.branch,) if sides.branch is not None else ()
    read = read_chosen_history(ws, metric=(), branch=branch, all_branches=False, limit=None)
    line = _follow(read.whole, sides.branch or DETACHED)
    found = {}
    for name in values:
        past = [point_values.get(name) for point_values in line]
        if past and past[-1] == values[name]:
            past.pop()
        found[name] = (*past[-_HISTORY_POINTS + 1 :], values[name])
    return found


def _follow(history: History, branch: str) -> list[Mapping[str, Number]]:
    """Return the values at the newest points of a branch's own line, oldest first."""
    points = history.points
    at: int | None = next(
        (
            position
            for position in range(len(points) - 1, -1, -1)
            if points[position].snapshot is None and branch in points[position].branches
        ),
        None,
    )
    line: list[Mapping[str, Number]] = []
    while at is not None and len(line) < _HISTORY_POINTS:
        line.append(points[at].values)
        at = points[at].previous
    return line[::-1]


def name_commit(commit: str | None) -> str:
    """Return what a reader calls a commit."""
    return commit[:10] if commit is not None else "no commit"


def how_to_get(branch: str | None, commit: str | None, remotes: Sequence[str]) -> list[str]:
    """Return the commands by which a colleague gets this state."""
    if commit is None:
        return []
    pull = ["jupyter mlops pull"] if remotes else ["jupyter mlops restore"]
    return ["git fetch origin", f"git switch --detach {commit}", *pull]
