"""Where points stand in the graph of commits; pure.

A point is a commit whose metrics are others than those of its first parent, or a snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from jupyter_mlops.metrics.facts import NONE, Commits, SnapshotPoint

_Near = tuple[int, ...]


class Place(NamedTuple):
    """One point: its commit by number, or its snapshot.

    ``line`` has a bit for each branch whose first-parent line holds the commit. ``parents`` are the
    nearest points that it grew from, ``previous`` the nearest on the first-parent line. ``tags``
    are those whose commits it stands for.
    """

    commit: int
    snapshot: SnapshotPoint | None
    line: int
    parents: _Near
    previous: int | None
    tags: Sequence[str] = ()


def place_points(
    commits: Commits,
    positions: Mapping[str, int],
    branches: Iterable[str],
    snapshots: Sequence[SnapshotPoint],
    differs: Sequence[int],
    tags: Mapping[int, Sequence[str]],
    *,
    loose: bool,
) -> list[Place]:
    """Return the points of all commits that ``branches`` or bases of snapshots reach, in order.

    Args:
        commits: with each all that it grew from.
        positions: their numbers.
        branches: the commit that each branch stands at.
        snapshots: in the order in which they follow their base. One whose base is no commit comes
            ahead of everything where ``loose`` is true, and is left out where not.
        differs: by the number of a state, whether it has other metrics than its base.
        tags: their names, by the number of the commit.
        loose: whether bases count that no branch reaches.
    """
    tips = [(positions[oid], 1 << bit) for bit, oid in enumerate(branches) if oid in positions]
    based: dict[int, list[SnapshotPoint]] = {}
    places: list[Place] = []
    for snapshot in snapshots:
        at = NONE if snapshot.base is None else positions.get(snapshot.base, NONE)
        if at != NONE:
            based.setdefault(at, []).append(snapshot)
        elif loose:
            places.append(Place(NONE, snapshot, 0, (), None))
    reached, lines = _follow_lines(commits, tips, based if loose else ())
    walk = _Walk(commits, reached)
    states, first = commits.states, commits.first
    for at in range(len(commits.oids)):
        if not reached[at]:
            continue
        parent = first[at]
        walk.enter(at)
        if states[at] != (0 if parent == NONE else states[parent]) and differs[states[at]]:
            places.append(Place(at, None, lines.get(at, 0), walk.near[at], walk.previous[at]))
            walk.stand(at, len(places) - 1)
        for snapshot in based.get(at, ()):
            places.append(Place(at, snapshot, lines.get(at, 0), walk.near[at], walk.previous[at]))
    for at, names in tags.items():
        point = walk.previous[at]
        if point is not None:
            places[point] = places[point]._replace(tags=[*places[point].tags, *names])
    return places


def _follow_lines(
    commits: Commits, tips: Iterable[tuple[int, int]], bases: Iterable[int]
) -> tuple[bytearray, dict[int, int]]:
    """Return which commits are reached, and the lines that hold them, by bits."""
    reached = bytearray(len(commits.oids))
    lines: dict[int, int] = {}
    for at, bit in tips:
        reached[at] = 1
        lines[at] = lines.get(at, 0) | bit
    for at in bases:
        reached[at] = 1
    first, others = commits.first, commits.others
    for at in range(len(reached) - 1, -1, -1):
        if not reached[at]:
            continue
        parent = first[at]
        if parent != NONE:
            reached[parent] = 1
            if at in lines:
                lines[parent] = lines.get(parent, 0) | lines[at]
            if at in others:
                for other in others[at]:
                    reached[other] = 1
    return reached, lines


class _Walk:
    """Goes from commits to their children, and knows the points nearest to each.

    To tell which of the points that a merge comes from are ancestors of others, it keeps all of the
    points that a commit grew from, as bits, as long as the commit has children ahead.
    """

    def __init__(self, commits: Commits, reached: Sequence[int]) -> None:
        self.near: list[_Near] = [()] * len(reached)
        self.previous: list[int | None] = [None] * len(reached)
        self._commits = commits
        self._merges = any(reached[at] for at in commits.others)
        self._ancestors: dict[int, int] = {}
        self._children = self._count(reached) if self._merges else []

    def enter(self, at: int) -> None:
        """Come to a commit from its parents."""
        parent = self._commits.first[at]
        if parent == NONE:
            return
        others = self._commits.others.get(at)
        self.previous[at] = self.previous[parent]
        self.near[at] = self._heads((parent, *others)) if others else self.near[parent]
        if self._merges:
            bits = self._leave(parent)
            for other in others or ():
                bits |= self._leave(other)
            self._ancestors[at] = bits

    def stand(self, at: int, point: int) -> None:
        """Let the commit be a point itself."""
        self.near[at] = (point,)
        self.previous[at] = point
        if self._merges:
            self._ancestors[at] = self._ancestors.get(at, 0) | 1 << point

    def _leave(self, parent: int) -> int:
        """Return the points that a commit grew from; they are forgotten after its last child."""
        self._children[parent] -= 1
        if self._children[parent]:
            return self._ancestors.get(parent, 0)
        return self._ancestors.pop(parent, 0)

    def _heads(self, parents: Sequence[int]) -> _Near:
        """Return the points nearest to ``parents`` that are no ancestors of others of these."""
        found = dict.fromkeys(one for parent in parents for one in self.near[parent])
        return tuple(
            one
            for one in found
            if not any(
                self._ancestors.get(parent, 0) >> one & 1 and one not in self.near[parent]
                for parent in parents
            )
        )

    def _count(self, reached: Sequence[int]) -> list[int]:
        """Return how many children each commit has among those reached, a merge once a parent."""
        children = [0] * len(reached)
        for at, parent in enumerate(self._commits.first):
            if reached[at] and parent != NONE:
                children[parent] += 1
                for other in self._commits.others.get(at, ()):
                    children[other] += 1
        return children
