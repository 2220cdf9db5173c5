"""Takes in what Git has that is not known yet."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Hashable, Iterable
from operator import itemgetter
from typing import Generic, TypeVar

from jupyter_mlops.git.history import CommitFiles
from jupyter_mlops.metrics.dvc import DVC_FILE, read_dvc_yaml
from jupyter_mlops.metrics.facts import (
    DVC_KIND,
    NO_FILES,
    NONE,
    PROBLEM,
    UNREAD,
    Commits,
    Facts,
    Shape,
    pack_numbers,
    pack_texts,
)
from jupyter_mlops.metrics.read import SUFFIXES, decode_leaves

_LONGEST_CHAIN = 16
_REGULAR = ("100644", "100755")
_T = TypeVar("_T", bound=Hashable)


class Gatherer:
    """Adds to ``facts``; for one thread.

    With ``dvc``, a file of DVC's is read for the files that it names.
    """

    def __init__(self, facts: Facts, *, dvc: bool) -> None:
        self._facts = facts
        self._dvc = dvc
        blobs = facts.blobs
        self._paths = _Numbers(facts.paths)
        self._authors = _Numbers(facts.authors)
        self._shapes = _Numbers(facts.shapes)
        self._blobs = {key: at for at, key in enumerate(zip(blobs.kinds, blobs.oids, strict=True))}
        self._depths = {NO_FILES: 0}
        if not facts.states.ends:
            self._add_state(NONE, {}, whole=True)

    def add_commits(self, found: Iterable[CommitFiles]) -> None:
        """Take in commits, each after its parents, as far as these are reached."""
        commits = self._facts.commits
        positions = self._facts.positions()
        for one in found:
            if one.commit in positions:
                continue
            parents = [positions[parent] for parent in one.parents if parent in positions]
            at = positions[one.commit] = len(commits.oids)
            commits.oids.append(one.commit)
            commits.times.append(int(one.committed_at.timestamp()))
            commits.generations.append(max([0, *(commits.generations[p] + 1 for p in parents)]))
            commits.first.append(parents[0] if parents else NONE)
            if len(parents) > 1:
                commits.others[at] = tuple(parents[1:])
            base = commits.states[parents[0]] if parents else NO_FILES
            commits.states.append(self._follow(base, one))
            commits.authors.append(self._authors.number(one.author))
            commits.subjects.append(one.subject)
        self._sort()

    def unread(self) -> list[int]:
        """Return the blobs that were not read yet."""
        shapes = self._facts.blobs.shapes
        return [at for at, shape in enumerate(shapes) if shape == UNREAD]

    def add_content(self, blob: int, content: bytes) -> None:
        """Take in what a blob holds."""
        blobs = self._facts.blobs
        try:
            kind = blobs.kinds[blob]
            if kind.startswith(DVC_KIND):
                named = read_dvc_yaml(content, kind.removeprefix(DVC_KIND)).metrics
                shape, packed = Shape((), ()), pack_texts(named)
            else:
                numbers, others = decode_leaves(f"_.{kind}", content)
                shape, packed = Shape(tuple(numbers), others), pack_numbers(numbers.values())
        except ValueError as error:
            self.refuse(blob, str(error))
            return
        blobs.shapes[blob] = self._shapes.number(shape)
        blobs.contents[blob] = packed

    def refuse(self, blob: int, why: str) -> None:
        """Note why a blob has no values, whenever it is read."""
        self._facts.blobs.shapes[blob] = PROBLEM
        self._facts.blobs.contents[blob] = why.encode("utf-8", "replace")

    def _follow(self, base: int, commit: CommitFiles) -> int:
        """Return the state that a commit makes of the one of its first parent."""
        if not commit.changes:
            return base
        before = self._facts.state(base)
        changes: dict[int, int] = {}
        for change in sorted(commit.changes, key=itemgetter(1)):
            path = self._paths.number(change.path)
            regular = change.oid is not None and change.mode in _REGULAR
            blob = self._blob(change.path, change.oid or "") if regular else NONE
            if before.get(path, NONE) != blob:
                changes[path] = blob
        if not changes:
            return base
        if self._depth(base) < _LONGEST_CHAIN:
            return self._add_state(base, changes, whole=False)
        after = {path: blob for path, blob in {**before, **changes}.items() if blob != NONE}
        return self._add_state(base, after, whole=True)

    def _add_state(self, base: int, entries: dict[int, int], *, whole: bool) -> int:
        states = self._facts.states
        states.bases.append(base)
        states.whole.append(whole)
        states.paths.extend(entries)
        states.blobs.extend(entries.values())
        states.ends.append(len(states.paths))
        at = len(states.ends) - 1
        self._depths[at] = 0 if whole else self._depth(base) + 1
        return at

    def _depth(self, state: int) -> int:
        """Return how many states a state is told by, besides a whole one."""
        depth, at = 0, state
        while at not in self._depths and not self._facts.states.whole[at]:
            depth, at = depth + 1, self._facts.states.bases[at]
        return depth + self._depths.get(at, 0)

    def _blob(self, path: str, oid: str) -> int:
        key = (self._kind(path), oid)
        at = self._blobs.get(key)
        if at is None:
            at = self._blobs[key] = len(self._blobs)
            blobs = self._facts.blobs
            blobs.kinds.append(key[0])
            blobs.oids.append(oid)
            blobs.shapes.append(UNREAD)
            blobs.contents.append(b"")
        return at

    def _kind(self, path: str) -> str:
        """Return how a file is read: by the end of its name, and DVC's own by their folder."""
        folder, _, name = path.rpartition("/")
        if self._dvc and name == DVC_FILE:
            return f"{DVC_KIND}{folder}"
        suffix = name.rpartition(".")[2].lower()
        return suffix if suffix in SUFFIXES else ""

    def _sort(self) -> None:
        """Number the commits in their order."""
        commits = self._facts.commits
        order = _order(commits)
        if all(map(int.__eq__, order, range(len(order)))):
            return
        place = _places(order)
        commits.oids = [commits.oids[old] for old in order]
        commits.times = array("q", (commits.times[old] for old in order))
        commits.generations = array("i", (commits.generations[old] for old in order))
        parents = (commits.first[old] for old in order)
        commits.first = array("i", (NONE if one == NONE else place[one] for one in parents))
        commits.others = {
            place[at]: tuple(place[one] for one in group) for at, group in commits.others.items()
        }
        commits.states = array("i", (commits.states[old] for old in order))
        commits.authors = array("i", (commits.authors[old] for old in order))
        commits.subjects = [commits.subjects[old] for old in order]
        self._facts.forget_positions()


def _order(commits: Commits) -> list[int]:
    """Return the numbers of commits by time, generation and id, but none before its parents."""
    keys = list(zip(commits.times, commits.generations, commits.oids, strict=True))
    order = sorted(range(len(keys)), key=keys.__getitem__)
    place = _places(order)
    parents = [*enumerate(commits.first), *((at, p) for at, g in commits.others.items() for p in g)]
    if all(parent == NONE or place[parent] < place[at] for at, parent in parents):
        return order
    missing = [0] * len(keys)
    children: list[list[int]] = [[] for _ in keys]
    for at, parent in parents:
        if parent != NONE:
            missing[at] += 1
            children[parent].append(at)
    ready = [(keys[at], at) for at, count in enumerate(missing) if not count]
    heapq.heapify(ready)
    order.clear()
    while ready:
        _, at = heapq.heappop(ready)
        order.append(at)
        for child in children[at]:
            missing[child] -= 1
            if not missing[child]:
                heapq.heappush(ready, (keys[child], child))
    return order


def _places(order: list[int]) -> list[int]:
    place = [0] * len(order)
    for new, old in enumerate(order):
        place[old] = new
    return place


class _Numbers(Generic[_T]):
    """Numbers for what stands in a list, which grows by what is new."""

    def __init__(self, known: list[_T]) -> None:
        self._known = known
        self._numbers = {one: at for at, one in enumerate(known)}

    def number(self, one: _T) -> int:
        at = self._numbers.setdefault(one, len(self._known))
        if at == len(self._known):
            self._known.append(one)
        return at
