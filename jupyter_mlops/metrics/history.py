"""How metrics went through Git history: every commit that changed a metrics file, and snapshots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, overload

from jupyter_mlops.metrics.compare import matches_name
from jupyter_mlops.metrics.facts import Facts, SnapshotPoint
from jupyter_mlops.metrics.graph import Place, place_points
from jupyter_mlops.metrics.layouts import Layouts
from jupyter_mlops.metrics.problems import Problems
from jupyter_mlops.metrics.read import Number, Problem

Values = Mapping[str, Number]

SHORT = 12
"""How many digits of the commit of an experiment of DVC's stand for it: as long as other ids are.
"""


@dataclass(frozen=True, slots=True)
class Point:
    """Metrics at one commit, or in one snapshot of it (then ``snapshot`` is its id).

    ``branches`` are those whose first-parent line holds the commit; ``previous`` is the position,
    in the history, of the point that this one is compared with: the nearest on its first-parent
    line, for a snapshot its base or the nearest before that. An experiment of DVC's stands as a
    snapshot whose id is the beginning of its commit's, with its name as ``dvc_experiment``.
    ``tags`` are Git's, of the commit or of later ones on its line that changed no metric.
    """

    commit: str | None
    snapshot: str | None
    branches: tuple[str, ...]
    committed_at: datetime
    subject: str
    values: Values
    author: str | None = None
    parents: tuple[int, ...] = ()
    previous: int | None = None
    dvc_experiment: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DvcExperiment:
    """One of DVC's: its name, its commit, and the commit that it was begun on."""

    name: str
    commit: str
    base: str


@dataclass(frozen=True, slots=True)
class Held:
    """How many points hold a metric, and whether its value is ever another one."""

    points: int
    moves: bool


@dataclass(frozen=True, slots=True)
class History:
    """Points, oldest first, each after those that it grew from; and files that were skipped."""

    branches: tuple[str, ...]
    points: Sequence[Point]
    problems: tuple[Problem, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The full names of all metrics, in the order of their first points."""
        return tuple(self.held())

    def held(self) -> dict[str, Held]:
        """Return how each metric is held, by full name, in the order of their first points."""
        source = _source(self.points)
        counts = Counter[tuple[str, ...]](map(source.names, range(len(source))))
        points: dict[str, int] = {}
        for names, count in counts.items():
            for name in names:
                points[name] = points.get(name, 0) + count
        moving = _find_moving(source, points)
        return {name: Held(count, name in moving) for name, count in points.items()}


def read_history(
    facts: Facts,
    branches: Mapping[str, str],
    snapshots: Iterable[SnapshotPoint],
    matches: Callable[[str], bool],
    *,
    experiments: Iterable[DvcExperiment] = (),
    tags: Mapping[str, str] | None = None,
    loose: bool = True,
) -> History:
    """Return the history of the metrics in the files that ``matches`` accepts.

    Args:
        facts: what all commits are that ``branches`` reach.
        branches: the commit that each branch stands at.
        snapshots: their bases are found among the commits where they can be.
        matches: whether a path holds metrics, whatever DVC's files name.
        experiments: their commits are among the facts, and are no points of their own.
        tags: the commit of each tag; those that no branch reaches are passed over.
        loose: keep snapshots whose base is none of the commits, ahead of everything else.
    """
    layouts = Layouts(facts, matches)
    differs = bytes(map(layouts.differs, range(len(layouts.of))))
    shown = [*snapshots, *_show(experiments, facts, layouts)]
    shown.sort(key=lambda one: (one.created_at, one.id))
    positions = facts.positions()
    tagged: dict[int, list[str]] = {}
    for name, commit in (tags or {}).items():
        if commit in positions:
            tagged.setdefault(positions[commit], []).append(name)
    places = place_points(
        facts.commits, positions, branches.values(), shown, differs, tagged, loose=loose
    )
    points = _FactPoints(facts, layouts, places, tuple(branches))
    return History(tuple(branches), points, points.problems())


def select(history: History, metrics: Sequence[str], limit: int | None = None) -> History:
    """Return ``history`` with only the metrics named, and at most the newest ``limit`` points.

    A point that holds none of the metrics named is left out. Naming none means all.
    """
    source = _source(history.points)
    kept: Sequence[int] = range(len(source))
    wanted: frozenset[str] | None = None
    if metrics:
        held = list(map(source.names, kept))
        chosen = {
            names: [name for name in names if any(matches_name(name, one) for one in metrics)]
            for names in set(held)
        }
        wanted = frozenset(name for names in chosen.values() for name in names)
        kept = [at for at, names in enumerate(held) if chosen[names]]
    if limit is not None:
        kept = kept[max(0, len(kept) - limit) :]
    return replace(history, points=tuple(_keep(source, kept, wanted)))


def _show(
    experiments: Iterable[DvcExperiment], facts: Facts, layouts: Layouts
) -> Iterator[SnapshotPoint]:
    """Yield experiments as snapshots, with the values of their commits."""
    for one in experiments:
        at = facts.position(one.commit)
        if at is not None:
            yield SnapshotPoint(
                id=one.commit[:SHORT],
                name=one.name,
                base=one.base,
                created_at=datetime.fromtimestamp(facts.commits.times[at], UTC),
                message=None,
                values=layouts.values(facts.commits.states[at]),
                dvc_experiment=one.name,
            )


class _Source(Protocol):
    """Points that need not be made for what is asked of them."""

    def __len__(self) -> int: ...

    def names(self, at: int) -> tuple[str, ...]: ...

    def values(self, at: int) -> Values: ...

    def links(self, at: int) -> tuple[tuple[int, ...], int | None]: ...

    def tags(self, at: int) -> Sequence[str]: ...

    def make(
        self, at: int, values: Values, parents: tuple[int, ...], previous: int | None
    ) -> Point: ...


def _source(points: Sequence[Point]) -> _Source:
    return points if isinstance(points, _FactPoints) else _ListedPoints(points)


@dataclass(frozen=True, slots=True)
class _ListedPoints:
    points: Sequence[Point]

    def __len__(self) -> int:
        return len(self.points)

    def names(self, at: int) -> tuple[str, ...]:
        return tuple(self.points[at].values)

    def values(self, at: int) -> Values:
        return self.points[at].values

    def links(self, at: int) -> tuple[tuple[int, ...], int | None]:
        return self.points[at].parents, self.points[at].previous

    def tags(self, at: int) -> Sequence[str]:
        return self.points[at].tags

    def make(
        self, at: int, values: Values, parents: tuple[int, ...], previous: int | None
    ) -> Point:
        return replace(self.points[at], values=values, parents=parents, previous=previous)


class _FactPoints(Sequence[Point]):
    """Points out of facts, each made when it is looked at."""

    def __init__(
        self, facts: Facts, layouts: Layouts, places: Sequence[Place], branches: tuple[str, ...]
    ) -> None:
        self._facts = facts
        self._layouts = layouts
        self._places = places
        self._branches = branches
        self._lines: dict[int, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Point: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Point, ...]: ...

    def __getitem__(self, at: int | slice) -> Point | tuple[Point, ...]:
        if isinstance(at, slice):
            return tuple(self[one] for one in range(len(self))[at])
        at = range(len(self))[at]
        return self.make(at, self.values(at), *self.links(at))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def names(self, at: int) -> tuple[str, ...]:
        snapshot = self._places[at].snapshot
        if snapshot is not None:
            return tuple(snapshot.values)
        return self._layouts.names(self._layouts.of[self._state(at)])

    def values(self, at: int) -> Values:
        snapshot = self._places[at].snapshot
        return self._layouts.values(self._state(at)) if snapshot is None else snapshot.values

    def links(self, at: int) -> tuple[tuple[int, ...], int | None]:
        return self._places[at].parents, self._places[at].previous

    def tags(self, at: int) -> Sequence[str]:
        return self._places[at].tags

    def make(
        self, at: int, values: Values, parents: tuple[int, ...], previous: int | None
    ) -> Point:
        place, commits = self._places[at], self._facts.commits
        snapshot = place.snapshot
        if snapshot is not None:
            return Point(
                commit=snapshot.base,
                snapshot=snapshot.id,
                branches=self._line(place.line),
                committed_at=snapshot.created_at,
                subject=_title(snapshot),
                values=values,
                parents=parents,
                previous=previous,
                dvc_experiment=snapshot.dvc_experiment,
            )
        return Point(
            commit=commits.oids[place.commit],
            snapshot=None,
            branches=self._line(place.line),
            committed_at=datetime.fromtimestamp(commits.times[place.commit], UTC),
            subject=commits.subjects[place.commit],
            values=values,
            author=self._facts.authors[commits.authors[place.commit]],
            parents=parents,
            previous=previous,
            tags=tuple(place.tags),
        )

    def problems(self) -> tuple[Problem, ...]:
        """Return what was skipped, each file and each value once, by its first commit."""
        found = Problems(self._facts, self._layouts)
        if found.are_there:
            for place in self._places:
                if place.snapshot is None:
                    state = self._facts.commits.states[place.commit]
                    found.look(state, self._facts.commits.oids[place.commit])
        return found.listed()

    def _state(self, at: int) -> int:
        return self._facts.commits.states[self._places[at].commit]

    def _line(self, bits: int) -> tuple[str, ...]:
        found = self._lines.get(bits)
        if found is None:
            found = tuple(one for bit, one in enumerate(self._branches) if bits >> bit & 1)
            self._lines[bits] = found
        return found


def _title(snapshot: SnapshotPoint) -> str:
    if snapshot.dvc_experiment is not None:
        return f"{snapshot.dvc_experiment} (DVC experiment)"
    return snapshot.message or snapshot.name or "Snapshot"


def _find_moving(source: _Source, names: Iterable[str]) -> set[str]:
    """Return those of ``names`` that have more than one value."""
    moving: set[str] = set()
    still: dict[str, Number | None] = dict.fromkeys(names)
    for at in range(len(source)):
        if not still:
            break
        values = source.values(at)
        for name in [one for one in still if one in values]:
            first = still[name]
            if first is None:
                still[name] = values[name]
            elif first != values[name]:
                moving.add(name)
                del still[name]
    return moving


def _keep(source: _Source, kept: Sequence[int], wanted: frozenset[str] | None) -> Iterator[Point]:
    """Yield the points at the positions ``kept``, linked past those left out."""
    tags = _keep_tags(source, kept)
    for at, (parents, previous) in zip(kept, _link(source, kept), strict=True):
        values = source.values(at)
        if wanted is not None:
            values = {name: value for name, value in values.items() if name in wanted}
        point = source.make(at, values, parents, previous)
        yield replace(point, tags=tuple(tags[at])) if at in tags else point


def _keep_tags(source: _Source, kept: Sequence[int]) -> dict[int, list[str]]:
    """Return the tags of each position ``kept``: those of a point left out are the one's before."""
    tags: dict[int, list[str]] = {}
    begin, known = (kept[0] if kept else len(source)), set(kept)
    for at in range(begin, len(source)):
        names, found = source.tags(at), at
        while names and found >= begin and found not in known:
            before = source.links(found)[1]
            found = -1 if before is None else before
        if names and found >= begin:
            tags.setdefault(found, []).extend(names)
    return tags


def _link(source: _Source, kept: Sequence[int]) -> Iterator[tuple[tuple[int, ...], int | None]]:
    """Yield parents and previous of each position ``kept``, as positions among these."""
    count = len(source)
    if kept and len(kept) == count - kept[0]:  # all but the oldest: nothing is left out between
        start = kept[0]
        for at in kept:
            parents, previous = source.links(at)
            inner = tuple(one - start for one in parents if one >= start)
            yield inner, None if previous is None or previous < start else previous - start
        return
    position = {at: new for new, at in enumerate(kept)}
    nearest: list[tuple[int, ...]] = []
    last: list[int | None] = []
    for at in range(count):
        parents, previous = source.links(at)
        if len(parents) == 1:
            near = nearest[parents[0]]
        else:
            near = tuple(dict.fromkeys(one for parent in parents for one in nearest[parent]))
        before = None if previous is None else last[previous]
        new = position.get(at)
        if new is not None:
            yield near, before
            near, before = (new,), new
        nearest.append(near)
        last.append(before)
