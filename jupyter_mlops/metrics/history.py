"""How metrics went through Git history: every commit that changed a metrics file, and snapshots."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from jupyter_mlops.git.history import CommitFiles
from jupyter_mlops.metrics.compare import matches_name
from jupyter_mlops.metrics.read import Number, Problem, decode_metrics, full_name

Values = Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class SnapshotPoint:
    """What history takes of a snapshot: its values, and the commit that it is tied to."""

    id: str
    name: str | None
    base: str | None
    created_at: datetime
    message: str | None
    values: Values


@dataclass(frozen=True, slots=True)
class Point:
    """Metrics at one commit, or in one snapshot of it (then ``snapshot`` is its id).

    ``branches`` are those whose first-parent line holds the commit; ``previous`` is the position,
    in the history, of the point that this one is compared with: the nearest on its first-parent
    line, for a snapshot its base or the nearest before that.
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


@dataclass(frozen=True, slots=True)
class History:
    """Points, oldest first, each after those that it grew from; and files that were skipped."""

    branches: tuple[str, ...]
    points: tuple[Point, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The full names of all metrics, in the order of their first points."""
        return tuple(dict.fromkeys(name for point in self.points for name in point.values))


def read_history(
    commits: Sequence[CommitFiles],
    branches: Mapping[str, str],
    snapshots: Iterable[SnapshotPoint],
    matches: Callable[[str], bool],
    read_blobs: Callable[[Sequence[str]], Iterable[tuple[str, bytes]]],
    *,
    loose: bool = True,
) -> History:
    """Return the history of the metrics in the files that ``matches`` accepts.

    Args:
        commits: all commits that ``branches`` reach, with what each changed against its first
            parent.
        branches: the commit that each branch stands at.
        snapshots: their bases are found among ``commits`` where they can be.
        matches: whether a path holds metrics.
        read_blobs: returns ids and contents of Git blobs; asked once, for all that are needed.
        loose: keep snapshots whose base is none of ``commits``, ahead of everything else.
    """
    ordered = _order(commits)
    states = _follow_files(ordered, matches)
    wanted = {oid: None for state in states.values() for oid in state.values()}
    decoded = _Decoded(dict(read_blobs(list(wanted))) if wanted else {})
    lines = _first_parent_lines(ordered, branches)
    by_base: dict[str | None, list[SnapshotPoint]] = {}
    for snapshot in sorted(snapshots, key=lambda one: one.created_at):
        base = snapshot.base if snapshot.base in states else None
        by_base.setdefault(base, []).append(snapshot)
    builder = _Builder(lines)
    if loose:
        builder.add_loose(by_base.get(None, ()))
    for commit in ordered:
        state = states[commit.commit]
        parent = commit.parents[0] if commit.parents else None
        before = states.get(parent, {}) if parent else {}
        if state is not before and state != before:
            builder.add_commit(commit, decoded.values(state, commit.commit))
        else:
            builder.pass_commit(commit)
        for snapshot in by_base.get(commit.commit, ()):
            builder.add_snapshot(snapshot)
    return History(tuple(branches), tuple(builder.points), decoded.problems)


def select(history: History, metrics: Sequence[str], limit: int | None = None) -> History:
    """Return ``history`` with only the metrics named, and at most the newest ``limit`` points.

    A point that holds none of the metrics named is left out. Naming none means all.
    """
    kept = list(range(len(history.points)))
    points = list(history.points)
    if metrics:
        wanted = {
            name for name in history.metrics if any(matches_name(name, one) for one in metrics)
        }
        points = [
            replace(point, values={k: v for k, v in point.values.items() if k in wanted})
            for point in points
        ]
        kept = [at for at in kept if points[at].values]
    if limit is not None:
        kept = kept[len(kept) - limit :] if limit < len(kept) else kept
    return replace(history, points=_keep(points, kept))


def _keep(points: Sequence[Point], kept: Sequence[int]) -> tuple[Point, ...]:
    """Return the points at the positions ``kept``, linked past those left out."""
    position = {at: new for new, at in enumerate(kept)}
    nearest: list[tuple[int, ...]] = []
    for at, point in enumerate(points):
        inherited = dict.fromkeys(one for parent in point.parents for one in nearest[parent])
        nearest.append((position[at],) if at in position else tuple(inherited))

    def previous(at: int | None) -> int | None:
        while at is not None and at not in position:
            at = points[at].previous
        return None if at is None else position[at]

    return tuple(
        replace(
            points[at],
            parents=tuple(
                dict.fromkeys(one for parent in points[at].parents for one in nearest[parent])
            ),
            previous=previous(points[at].previous),
        )
        for at in kept
    )


def _order(commits: Sequence[CommitFiles]) -> list[CommitFiles]:
    """Return ``commits`` by time, but none before its parents."""
    position = {commit.commit: at for at, commit in enumerate(commits)}
    missing = [0] * len(commits)
    children: list[list[int]] = [[] for _ in commits]
    for at, commit in enumerate(commits):
        for parent in commit.parents:
            if parent in position:
                missing[at] += 1
                children[position[parent]].append(at)
    ready = [(commits[at].committed_at, at) for at, count in enumerate(missing) if not count]
    heapq.heapify(ready)
    ordered: list[CommitFiles] = []
    while ready:
        _, at = heapq.heappop(ready)
        ordered.append(commits[at])
        for child in children[at]:
            missing[child] -= 1
            if not missing[child]:
                heapq.heappush(ready, (commits[child].committed_at, child))
    return ordered


def _follow_files(
    ordered: Sequence[CommitFiles], matches: Callable[[str], bool]
) -> dict[str, dict[str, str]]:
    """Return, for each commit, the blobs of all metrics files; unchanged states are shared."""
    states: dict[str, dict[str, str]] = {}
    for commit in ordered:
        state = states.get(commit.parents[0], {}) if commit.parents else {}
        changes = [change for change in commit.changes if matches(change[1])]
        if changes:
            state = dict(state)
            for _, path, oid in changes:
                if oid is None:
                    state.pop(path, None)
                else:
                    state[path] = oid
        states[commit.commit] = state
    return states


def _first_parent_lines(
    ordered: Sequence[CommitFiles], branches: Mapping[str, str]
) -> Callable[[str], tuple[str, ...]]:
    """Return a function that tells the branches whose first-parent line holds a commit."""
    names = list(branches)
    masks: dict[str, int] = {}
    for bit, name in enumerate(names):
        masks[branches[name]] = masks.get(branches[name], 0) | 1 << bit
    for commit in reversed(ordered):
        mask = masks.get(commit.commit, 0)
        if mask and commit.parents:
            masks[commit.parents[0]] = masks.get(commit.parents[0], 0) | mask

    def lines(commit: str) -> tuple[str, ...]:
        mask = masks.get(commit, 0)
        return tuple(name for bit, name in enumerate(names) if mask >> bit & 1)

    return lines


class _Decoded:
    """Values of blobs, each decoded once; a file with broken versions is named once."""

    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        self._blobs = blobs
        self._files: dict[tuple[str, str], Mapping[str, Number]] = {}
        self._problems: dict[str, Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self._problems.values())

    def values(self, state: Mapping[str, str], commit: str) -> dict[str, Number]:
        found: dict[str, Number] = {}
        for path in sorted(state):
            key = (path, state[path])
            if key not in self._files:
                self._files[key] = self._decode(*key, commit)
            found.update(self._files[key])
        return found

    def _decode(self, path: str, oid: str, commit: str) -> Mapping[str, Number]:
        content = self._blobs.get(oid)
        try:
            if content is None:
                raise ValueError("Git has no file with its content")
            values = decode_metrics(path, content)
        except ValueError as error:
            known = self._problems.get(path)
            self._problems[path] = (
                replace(known, versions=known.versions + 1)
                if known
                else Problem(path, str(error), commit)
            )
            return {}
        return {full_name(path, key): value for key, value in values.items()}


class _Builder:
    """Collects points, and for each commit those that stand for it or come nearest before it."""

    def __init__(self, lines: Callable[[str], tuple[str, ...]]) -> None:
        self.points: list[Point] = []
        self._lines = lines
        self._nearest: dict[str, tuple[int, ...]] = {}
        self._previous: dict[str, int | None] = {}
        self._ancestors: list[int] = []

    def add_commit(self, commit: CommitFiles, values: Values) -> None:
        self.pass_commit(commit)
        at = self._place(self._nearest[commit.commit])
        self.points.append(
            Point(
                commit=commit.commit,
                snapshot=None,
                branches=self._lines(commit.commit),
                committed_at=commit.committed_at,
                subject=commit.subject,
                values=values,
                author=commit.author,
                parents=self._nearest[commit.commit],
                previous=self._previous[commit.commit],
            )
        )
        self._nearest[commit.commit] = (at,)
        self._previous[commit.commit] = at

    def pass_commit(self, commit: CommitFiles) -> None:
        reached = [self._nearest.get(parent, ()) for parent in commit.parents]
        self._nearest[commit.commit] = reached[0] if len(reached) == 1 else self._heads(reached)
        first = commit.parents[0] if commit.parents else ""
        self._previous[commit.commit] = self._previous.get(first)

    def add_snapshot(self, snapshot: SnapshotPoint) -> None:
        base = snapshot.base
        assert base is not None
        parents, previous = self._nearest[base], self._previous[base]
        self._add_snapshot(snapshot, self._lines(base), parents, previous)

    def add_loose(self, snapshots: Iterable[SnapshotPoint]) -> None:
        for snapshot in snapshots:
            self._add_snapshot(snapshot, (), (), None)

    def _add_snapshot(
        self,
        snapshot: SnapshotPoint,
        branches: tuple[str, ...],
        parents: tuple[int, ...],
        previous: int | None,
    ) -> None:
        self._place(parents)
        self.points.append(
            Point(
                commit=snapshot.base,
                snapshot=snapshot.id,
                branches=branches,
                committed_at=snapshot.created_at,
                subject=snapshot.message or snapshot.name or "Snapshot",
                values=snapshot.values,
                parents=parents,
                previous=previous,
            )
        )

    def _place(self, parents: Iterable[int]) -> int:
        """Return the position of the point to come, whose ancestors are kept as a set of bits."""
        at = len(self._ancestors)
        bits = 1 << at
        for parent in parents:
            bits |= self._ancestors[parent]
        self._ancestors.append(bits)
        return at

    def _heads(self, reached: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
        """Return the points ``reached`` that are no ancestors of others."""
        found = list(dict.fromkeys(at for group in reached for at in group))
        return tuple(
            at
            for at in found
            if not any(self._ancestors[other] >> at & 1 for other in found if other != at)
        )
