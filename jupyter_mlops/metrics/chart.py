"""The picture of a history as plain values: columns, lanes, lines, dots; pure.

Columns are commits in graph order. Each branch has a lane, and for each metric a line, over the
commits that are its own, from the one that it grew from: a commit lies in the lane of the first
branch whose first-parent line holds it, so a merge joins no two lines. Branches without a look of
their own, and commits that no branch's first-parent line holds, share grey lanes. Every text is one
line, with control characters written out.
"""

from __future__ import annotations

import sys
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
GREY_LANES = 4
"""How many lanes the others share at most; in the last of them lines may overlap."""

_MAIN_NAMES = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric that can be drawn."""

    name: str
    label: str
    way: Better | None


@dataclass(frozen=True, slots=True)
class Level:
    """What values are judged by: the metrics of what is in production, under a label."""

    label: str
    values: Values

    def value(self, metric: Metric) -> Number | None:
        """Return the metric's value, None where there is none that can be drawn."""
        return _drawable(self.values.get(metric.name))


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the commit graph; ``branch`` is None in a shared, grey one."""

    branch: str | None
    style: int


@dataclass(frozen=True, slots=True)
class Dot:
    """One commit, or one snapshot of it, in its column and lane; ``previous`` is another dot.

    ``branch`` is the one whose line it is on, ``others`` counts further ones that hold its commit.
    """

    column: int
    lane: int
    commit: str | None
    snapshot: str | None
    branch: str | None
    others: int
    subject: str
    author: str | None
    when: str
    values: Values
    previous: int | None
    tags: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The branch that the dot is on, and how many others hold its commit."""
        if self.branch is None:
            return ""
        return self.branch + (f" +{self.others}" if self.others else "")

    def value(self, metric: Metric) -> Number | None:
        """Return the metric's value here, None where there is none that can be drawn."""
        return _drawable(self.values.get(metric.name))


@dataclass(frozen=True, slots=True)
class Edge:
    """A dot and one that it grew from; ``merge`` for all parents but the first."""

    parent: int
    child: int
    merge: bool


@dataclass(frozen=True, slots=True)
class Line:
    """The dots that one line passes, oldest first; only the first may be on another branch."""

    lane: int
    dots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything there is to draw; ``others`` counts branches without a lane of their own.

    ``production`` is a level line through each plot, None where nothing says what is there.
    """

    metrics: tuple[Metric, ...]
    lanes: tuple[Lane, ...]
    others: int
    columns: int
    dots: tuple[Dot, ...]
    edges: tuple[Edge, ...]
    lines: tuple[Line, ...]
    production: Level | None = None

    def change(self, dot: Dot, metric: Metric) -> tuple[Number | None, bool | None]:
        """Return how the metric moved since the dot before, and whether that is better."""
        old = None if dot.previous is None else self.dots[dot.previous].values.get(metric.name)
        new = dot.values.get(metric.name)
        return difference(old, new), is_better(old, new, metric.way)


def plan_chart(
    history: History,
    better: Mapping[str, Better],
    first: str | None = None,
    production: Level | None = None,
) -> Chart:
    """Return the chart of ``history``; ``first`` is the branch that gets the first lane."""
    points = history.points
    order = _branch_order(history, first)
    owners = _choose_owners(points, order, first)
    lanes, lane_of, others = _plan_lanes(points, order, owners)
    column_of, columns = _plan_columns(points)
    shown = {name: visible(name) for name in order}
    dots = tuple(
        Dot(
            column=column_of[at],
            lane=lane_of[at],
            commit=point.commit,
            snapshot=point.snapshot,
            branch=None if owners[at] is None else shown[owners[at] or ""],
            others=max(len(point.branches) - 1, 0),
            subject=visible(point.subject),
            author=None if point.author is None else visible(point.author),
            when=f"{point.committed_at:%Y-%m-%d %H:%M}",
            values=point.values,
            previous=point.previous,
            tags=tuple(visible(name) for name in point.tags),
        )
        for at, point in enumerate(points)
    )
    edges = tuple(
        Edge(parent, child, merge=parent != point.previous)
        for child, point in enumerate(points)
        for parent in dict.fromkeys((point.previous, *point.parents))
        if parent is not None and column_of[parent] != column_of[child]
    )
    lines = _plan_lines(points, lane_of, owners)
    ranked = rank_metrics(history, better)
    return Chart(ranked, lanes, others, columns, dots, edges, lines, production)


def _drawable(value: Number | None) -> Number | None:
    return value if value is not None and abs(value) <= sys.float_info.max else None


def _branch_order(history: History, first: str | None) -> list[str]:
    """Return the branches, the main one first, then by their first own point."""
    main = [name for name in (*_MAIN_NAMES, first) if name in history.branches][:1]
    found: dict[str, None] = dict.fromkeys(name for name in main if name)
    seen: set[tuple[str, ...]] = set()
    for point in history.points:
        if point.branches not in seen:
            seen.add(point.branches)
            if found.keys().isdisjoint(point.branches):
                found.update(dict.fromkeys(point.branches))
    found.update(dict.fromkeys(history.branches))
    return list(found)


def _choose_owners(
    points: Sequence[Point], order: Sequence[str], first: str | None
) -> list[str | None]:
    """Return the branch on whose line each point is.

    Of several branches that hold a commit it is the one that comes first in ``order``. The branch
    ``first`` would have no line where others that come before it hold all of its commits: it comes
    right after the main one then.
    """
    owners = _find_owners(points, order)
    if first is not None and first in order and first not in set(owners):
        owners = _find_owners(points, dict.fromkeys([*order[:1], first, *order]))
    return owners


def _find_owners(points: Sequence[Point], order: Iterable[str]) -> list[str | None]:
    rank = {name: at for at, name in enumerate(order)}
    known: dict[tuple[str, ...], str | None] = {(): None}
    for point in points:
        if point.branches not in known:
            known[point.branches] = min(point.branches, key=rank.__getitem__)
    return [known[point.branches] for point in points]


def _plan_lanes(
    points: Sequence[Point], order: Sequence[str], owners: Sequence[str | None]
) -> tuple[tuple[Lane, ...], list[int], int]:
    """Return the lanes, the lane of each point, and how many branches have none of their own."""
    newest = {name: at for at, name in enumerate(owners) if name is not None}
    owned = [name for name in order if name in newest]
    recent = sorted(owned[1:], key=newest.__getitem__, reverse=True)
    shown = {*owned[:1], *recent[: STYLES - 1]}
    lane_of = {name: at for at, name in enumerate(name for name in owned if name in shown)}
    rows = _pack_rows(points, [None if name in shown else name or "" for name in owners])
    lanes = [Lane(visible(name), at) for name, at in lane_of.items()]
    lanes += [Lane(None, GREY)] * (max(rows.values(), default=-1) + 1)
    placed = [
        len(lane_of) + rows[at] if at in rows else lane_of[name or ""]
        for at, name in enumerate(owners)
    ]
    return tuple(lanes), placed, len(owned) - len(lane_of)


def _pack_rows(points: Sequence[Point], names: Sequence[str | None]) -> dict[int, int]:
    """Return a row for each point that has a name: lines that do not overlap share rows.

    Where more lines run side by side than there are rows, the last row takes them all.
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
        free = next((row for row, end in enumerate(ends) if end <= first[line]), len(ends))
        row = min(free, GREY_LANES - 1)
        ends[row : row + 1] = [max([last[line], *ends[row : row + 1]])]
        rows[line] = row
    return {at: rows[line] for at, line in line_of.items()}


def _plan_columns(points: Sequence[Point]) -> tuple[list[int], int]:
    """Return the column of each point: snapshots share their base's."""
    columns: dict[str | None, int] = {}
    return [columns.setdefault(point.commit, len(columns)) for point in points], len(columns)


def _plan_lines(
    points: Sequence[Point], lane_of: Sequence[int], owners: Sequence[str | None]
) -> tuple[Line, ...]:
    lines: list[list[int]] = []
    ending: dict[int, list[int]] = {}
    for at, point in enumerate(points):
        if point.snapshot is not None:
            continue
        before = point.previous
        line = None if before is None else ending.get(before)
        grows = before is not None and (lane_of[before], owners[before]) == (
            lane_of[at],
            owners[at],
        )
        if line is not None and before is not None and grows:
            line.append(at)
            del ending[before]
        else:
            line = [at] if before is None else [before, at]
            lines.append(line)
        ending[at] = line
    return tuple(Line(lane_of[line[-1]], tuple(line)) for line in lines)


def rank_metrics(history: History, better: Mapping[str, Better]) -> tuple[Metric, ...]:
    """Return the metrics, the most telling first: known which way is better, moving, short."""
    held = history.held()
    labels = label_names(tuple(held))
    metrics = [Metric(name, labels[name], direction(name, better)) for name in labels]

    def order(metric: Metric) -> tuple[bool, bool, bool, int]:
        found = held[metric.name]
        return (metric.way is None, not found.moves, metric.way != "higher", -found.points)

    return tuple(sorted(metrics, key=order))
