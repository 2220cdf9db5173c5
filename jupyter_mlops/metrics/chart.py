"""The picture of a history as plain values: columns, lanes, lines, dots; pure.

Columns are commits in graph order. Each branch has a lane, and for each metric a line, over the
commits that are its own, from the one that it grew from: a commit lies in the lane of the first
branch whose first-parent line holds it, so a merge joins no two lines. Commits that no branch's
first-parent line holds share grey lanes. Every text is one line, with control characters
written out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jupyter_mlops.config import Better
from jupyter_mlops.metrics.compare import delta as difference
from jupyter_mlops.metrics.compare import direction, is_better
from jupyter_mlops.metrics.history import History, Point, Values
from jupyter_mlops.metrics.read import Number, label_names
from jupyter_mlops.text import visible

STYLES = 8
"""How many branches have a look of their own; those after them share the grey one."""

GREY = -1
_MAIN_NAMES = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric that can be drawn."""

    name: str
    label: str
    way: Better | None


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the commit graph; ``branch`` is None in a shared, grey one."""

    branch: str | None
    style: int


@dataclass(frozen=True, slots=True)
class Dot:
    """One commit, or one snapshot of it, in its column and lane; ``previous`` is another dot."""

    column: int
    lane: int
    commit: str | None
    snapshot: str | None
    branches: tuple[str, ...]
    subject: str
    author: str | None
    when: str
    values: Values
    previous: int | None

    def value(self, metric: Metric) -> Number | None:
        """Return the metric's value here, None where there is none that can be drawn."""
        value = self.values.get(metric.name)
        return value if value is not None and math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Edge:
    """A dot and one that it grew from; ``merge`` for all parents but the first."""

    parent: int
    child: int
    merge: bool


@dataclass(frozen=True, slots=True)
class Line:
    """The dots that one lane's line passes, oldest first; the first may lie in another lane."""

    lane: int
    dots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything there is to draw; ``others`` counts branches without a lane of their own."""

    metrics: tuple[Metric, ...]
    lanes: tuple[Lane, ...]
    others: int
    columns: int
    dots: tuple[Dot, ...]
    edges: tuple[Edge, ...]
    lines: tuple[Line, ...]

    def where(self, dot: Dot) -> str:
        """Return the branch in whose lane the dot lies, and how many others hold its commit."""
        if not dot.branches:
            return ""
        first = self.lanes[dot.lane].branch or dot.branches[0]
        return first + (f" +{len(dot.branches) - 1}" if len(dot.branches) > 1 else "")

    def change(self, dot: Dot, metric: Metric) -> tuple[Number | None, bool | None]:
        """Return how the metric moved since the dot before, and whether that is better."""
        old = None if dot.previous is None else self.dots[dot.previous].values.get(metric.name)
        new = dot.values.get(metric.name)
        return difference(old, new), is_better(old, new, metric.way)


def plan_chart(history: History, better: Mapping[str, Better], first: str | None = None) -> Chart:
    """Return the chart of ``history``; ``first`` is the branch that gets the first lane."""
    points = history.points
    order = _branch_order(history, first)
    lanes, lane_of, others = _plan_lanes(points, order, first)
    column_of, columns = _plan_columns(points)
    dots = tuple(
        Dot(
            column=column_of[at],
            lane=lane_of[at],
            commit=point.commit,
            snapshot=point.snapshot,
            branches=tuple(visible(name) for name in point.branches),
            subject=visible(point.subject),
            author=None if point.author is None else visible(point.author),
            when=point.committed_at.strftime("%Y-%m-%d %H:%M"),
            values=point.values,
            previous=point.previous,
        )
        for at, point in enumerate(points)
    )
    edges = tuple(
        Edge(parent, child, merge=parent != point.previous)
        for child, point in enumerate(points)
        for parent in dict.fromkeys((point.previous, *point.parents))
        if parent is not None and column_of[parent] != column_of[child]
    )
    lines = _plan_lines(points, lane_of)
    return Chart(rank_metrics(history, better), lanes, others, columns, dots, edges, lines)


def _branch_order(history: History, first: str | None) -> list[str]:
    """Return the branches, the main one first, then by their first own point."""
    main = [name for name in (*_MAIN_NAMES, first) if name in history.branches][:1]
    found: dict[str, None] = dict.fromkeys(name for name in main if name)
    for point in history.points:
        if not found.keys() & set(point.branches):
            found.update(dict.fromkeys(point.branches))
    found.update(dict.fromkeys(history.branches))
    return list(found)


def _plan_lanes(
    points: Sequence[Point], order: Sequence[str], first: str | None
) -> tuple[tuple[Lane, ...], list[int], int]:
    """Return the lanes, the lane of each point, and how many branches have none of their own.

    A commit that several branches hold is in the lane of the one that comes first in ``order``. The
    branch ``first`` would have no lane where others that come before it hold all of its commits: it
    comes right after the main one then.
    """
    owner = _find_owners(points, order)
    if first is not None and first in order and first not in owner:
        owner = _find_owners(points, dict.fromkeys([*order[:1], first, *order]))
    newest = {name: at for at, name in enumerate(owner) if name is not None}
    owned = [name for name in order if name in newest]
    recent = sorted(owned[1:], key=newest.__getitem__, reverse=True)
    shown = {*owned[:1], *recent[: STYLES - 1]}
    lane_of = {name: at for at, name in enumerate(name for name in owned if name in shown)}
    rows = _pack_rows(points, [None if name in shown else name or "" for name in owner])
    lanes = [Lane(visible(name), at) for name, at in lane_of.items()]
    lanes += [Lane(None, GREY)] * (max(rows.values(), default=-1) + 1)
    placed = [
        len(lane_of) + rows[at] if at in rows else lane_of[name or ""]
        for at, name in enumerate(owner)
    ]
    return tuple(lanes), placed, len(owned) - len(lane_of)


def _find_owners(points: Sequence[Point], order: Iterable[str]) -> list[str | None]:
    rank = {name: at for at, name in enumerate(order)}
    return [
        min(point.branches, key=rank.__getitem__) if point.branches else None for point in points
    ]


def _pack_rows(points: Sequence[Point], names: Sequence[str | None]) -> dict[int, int]:
    """Return a row for each point that has a name: lines that do not overlap share rows.

    A name is a branch's, or empty for commits on no branch's own line: these form a line as long
    as each grows from the one before. A line takes its row from where it forks to where it merges.
    """
    line_of: dict[int, str | int] = {}
    first: dict[str | int, int] = {}
    last: dict[str | int, int] = {}
    newest: dict[str | int, int] = {}
    for at, (point, name) in enumerate(zip(points, names, strict=True)):
        if name is not None:
            before = None if point.previous is None else line_of.get(point.previous)
            grows = before is not None and not isinstance(before, str)
            fits = grows and (point.snapshot is not None or newest[before] == point.previous)  # type: ignore[index]
            line: str | int = name or (before if fits and before is not None else at)
            line_of[at] = line
            first.setdefault(line, at - 1 if point.previous is None else point.previous)
            last[line] = at
            if point.snapshot is None:
                newest[line] = at
        for parent in point.parents:
            if parent in line_of:
                last[line_of[parent]] = at
    rows: dict[str | int, int] = {}
    ends: list[int] = []
    for line in sorted(first, key=first.__getitem__):
        row = next((row for row, end in enumerate(ends) if end <= first[line]), len(ends))
        ends[row : row + 1] = [last[line]]
        rows[line] = row
    return {at: rows[line] for at, line in line_of.items()}


def _plan_columns(points: Sequence[Point]) -> tuple[list[int], int]:
    """Return the column of each point: snapshots share their base's."""
    columns: dict[str | None, int] = {}
    return [columns.setdefault(point.commit, len(columns)) for point in points], len(columns)


def _plan_lines(points: Sequence[Point], lane_of: Sequence[int]) -> tuple[Line, ...]:
    lines: dict[int, list[list[int]]] = {}
    for at, point in enumerate(points):
        if point.snapshot is not None:
            continue
        runs = lines.setdefault(lane_of[at], [])
        run = next((run for run in runs if run[-1] == point.previous), None)
        if run is not None:
            run.append(at)
        else:
            runs.append([at] if point.previous is None else [point.previous, at])
    return tuple(Line(lane, tuple(run)) for lane in sorted(lines) for run in lines[lane])


def rank_metrics(history: History, better: Mapping[str, Better]) -> tuple[Metric, ...]:
    """Return the metrics, the most telling first: known which way is better, moving, short."""
    held = history.held()
    labels = label_names(tuple(held))
    metrics = [Metric(name, labels[name], direction(name, better)) for name in labels]

    def order(metric: Metric) -> tuple[bool, bool, bool, int]:
        found = held[metric.name]
        return (metric.way is None, not found.moves, metric.way != "higher", -found.points)

    return tuple(sorted(metrics, key=order))
