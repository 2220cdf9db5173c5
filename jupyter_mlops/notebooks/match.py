"""Which cell of one notebook is which of another: by id, else by what stands in them.

An id (nbformat 4.5) that one cell on each side has decides. Cells that are left are paired when
they are equal, then when they resemble each other. The time grows with the size of the notebooks,
not with the product of their sizes, whatever is in them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from jupyter_mlops.notebooks.canonical import Notebook, cell_source

_PLACE_LIKENESS = 0.4
"""How alike two cells between the same neighbours are for one to be the other, edited."""

_NAMED_LIKENESS = 0.7
"""How alike if both have ids, which differ."""

_FAR_LIKENESS = 0.7
_FAR_WORDS = 8
"""Elsewhere they must be more alike, and say something."""

# What bounds the work: how much of a cell is looked at, and how often.
_COMPARED_LETTERS = 10_000
_COMPARED_PAIRS = 20_000
_COMPARED_WORDS = 2_000_000
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class CellPair:
    """A cell's places in the two notebooks, from 0; ``moved`` if others stay and it does not."""

    old: int
    new: int
    moved: bool


def match_cells(old: Sequence[Notebook], new: Sequence[Notebook]) -> tuple[CellPair, ...]:
    """Return the cells that are in both notebooks, in the order of ``new``.

    Cells are given in document order, their sources in one piece. A cell is in one pair at most;
    one that is in none was added or removed. As few cells as possible count as moved. The same
    cells give the same pairs.
    """
    matching = _Matching(old, new)
    matching.pair_by_id()
    matching.pair_by([_exact(cell) for cell in old], [_exact(cell) for cell in new])
    matching.pair_equal()
    matching.pair_alike()
    partners = sorted((there, here) for here, there in matching.partner.items())
    staying = _longest_rising([here for _, here in partners])
    return tuple(
        CellPair(here, there, place not in staying) for place, (there, here) in enumerate(partners)
    )


def _ids(
    old: Sequence[Notebook], new: Sequence[Notebook]
) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
    """Return each cell's id, None where it has none.

    Programs that number cells anew by their places (``nbstripout`` does, if not told otherwise)
    make ids that name no cells: those count as none.
    """
    sides = [[cell.get("id") for cell in cells] for cells in (old, new)]
    if all(ids == [str(place) for place in range(len(ids))] for ids in sides):
        sides = [[None] * len(ids) for ids in sides]
    first, second = ([name if isinstance(name, str) else None for name in ids] for ids in sides)
    return first, second


def _exact(cell: Notebook) -> Hashable:
    """Return what equal cells have in common; None for an empty one, which is like any other."""
    source = cell_source(cell)
    return (str(cell.get("cell_type")), source) if source.strip() else None


class _Matching:
    """Pairs found so far, by place; ``partner`` leads from old to new."""

    def __init__(self, old: Sequence[Notebook], new: Sequence[Notebook]) -> None:
        self._old = old
        self._new = new
        self._old_ids, self._new_ids = _ids(old, new)
        self.partner: dict[int, int] = {}
        self._taken: set[int] = set()

    def _pair(self, here: int, there: int) -> None:
        self.partner[here] = there
        self._taken.add(there)

    def _left(self) -> tuple[list[int], list[int]]:
        return (
            [place for place in range(len(self._old)) if place not in self.partner],
            [place for place in range(len(self._new)) if place not in self._taken],
        )

    def pair_by_id(self) -> None:
        """Pair cells whose id no other cell of their side has."""
        self.pair_by(self._old_ids, self._new_ids)

    def pair_by(self, old_keys: Sequence[Hashable], new_keys: Sequence[Hashable]) -> None:
        """Pair cells that are left, by keys that no other such cell of their side has."""
        here_left, there_left = self._left()
        second = _places_by_key(new_keys, there_left)
        for key, here in _places_by_key(old_keys, here_left).items():
            if key in second:
                self._pair(here, second[key])

    def pair_equal(self) -> None:
        """Pair equal cells of which there are several: those beside paired ones, then the rest.

        Empty ones have neither name nor content, so only what they stand beside tells them.
        """
        for step in (1, -1):
            here_left, _ = self._left()
            for here in here_left[::step]:
                there = self._beside(here, step)
                if there is not None and _same(self._old[here], self._new[there]):
                    self._pair(here, there)
        rest: defaultdict[Hashable, list[int]] = defaultdict(list)
        here_left, there_left = self._left()
        for there in reversed(there_left):
            rest[_exact(self._new[there])].append(there)
        for here in here_left:
            key = _exact(self._old[here])
            if key is not None and rest[key]:
                self._pair(here, rest[key].pop())

    def _beside(self, here: int, step: int) -> int | None:
        """Return the free place beside the partner of the cell ``step`` before ``here``."""
        neighbour = here - step
        if 0 <= neighbour < len(self._old):
            if neighbour not in self.partner:
                return None
            there = self.partner[neighbour] + step
        else:
            there = 0 if step > 0 else len(self._new) - 1
        free = 0 <= there < len(self._new) and there not in self._taken
        return there if free else None

    def pair_alike(self) -> None:
        """Pair what resembles each other, the most alike first, of those the nearest."""
        here_left, there_left = self._left()
        if not here_left or not there_left:
            return
        words_here = {place: _words(self._old[place]) for place in here_left}
        words_there = {place: _words(self._new[place]) for place in there_left}
        gaps_here, gaps_there = self._gaps()
        word_count = sum(map(len, words_here.values()))
        reach = min(_COMPARED_PAIRS // len(here_left), _COMPARED_WORDS // (word_count + 1)) // 2
        found = []
        for here, there, distance in _near_pairs(here_left, there_left, max(1, reach)):
            ours, theirs = words_here[here], words_there[there]
            near = any(a == b for a, b in zip(gaps_here[here], gaps_there[there], strict=True))
            likeness = _likeness(ours, theirs)
            if not near and min(ours.total(), theirs.total()) < _FAR_WORDS:
                continue
            if likeness >= self._wanted_likeness(here, there, near):
                found.append((-likeness, distance, here, there))
        for _, _, here, there in sorted(found):
            if here not in self.partner and there not in self._taken:
                self._pair(here, there)

    def _wanted_likeness(self, here: int, there: int, near: bool) -> float:
        if not near:
            return _FAR_LIKENESS
        named = self._old_ids[here] is not None and self._new_ids[there] is not None
        return _NAMED_LIKENESS if named else _PLACE_LIKENESS

    def _gaps(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Return for each cell, on each side, the paired cells around it, as places in ``old``."""
        back = {there: here for here, there in self.partner.items()}
        old_anchors = [place if place in self.partner else None for place in range(len(self._old))]
        new_anchors = [back.get(place) for place in range(len(self._new))]
        end = len(self._old)
        return _surroundings(old_anchors, end), _surroundings(new_anchors, end)


def _places_by_key(keys: Sequence[Hashable], places: Sequence[int]) -> dict[Hashable, int]:
    """Return which of ``places`` each key has, without None and keys of several places."""
    counts = Counter(keys[place] for place in places)
    return {
        keys[place]: place
        for place in places
        if keys[place] is not None and counts[keys[place]] == 1
    }


def _same(one: Notebook, other: Notebook) -> bool:
    """Return whether two cells are equal, by a key that empty cells have, too."""
    return one.get("cell_type") == other.get("cell_type") and (
        cell_source(one).strip() == cell_source(other).strip()
    )


def _words(cell: Notebook) -> Counter[str]:
    """Return how often each word stands in a cell; marks are words, too."""
    return Counter(_WORD.findall(cell_source(cell)[:_COMPARED_LETTERS]))


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """Return the share of words that two cells have in common (Dice's coefficient), 0 to 1."""
    total = one.total() + other.total()
    common = sum(min(one[word], other[word]) for word in one.keys() & other.keys())
    return 2 * common / total if total else 0.0


def _near_pairs(
    here: Sequence[int], there: Sequence[int], reach: int
) -> Iterator[tuple[int, int, int]]:
    """Yield one of each with how far apart they stand in their lists, at most ``reach``."""
    for rank, place in enumerate(here):
        middle = rank * len(there) // len(here)
        first = max(0, middle - reach)
        for offset, other in enumerate(there[first : middle + reach + 1], first):
            yield place, other, abs(offset - middle)


def _surroundings(anchors: Sequence[int | None], end: int) -> list[tuple[int, int]]:
    """Return for each place the nearest anchors before and after it; -1 and ``end`` beyond all."""
    before, after = [], []
    last = -1
    for anchor in anchors:
        before.append(last)
        last = last if anchor is None else anchor
    last = end
    for anchor in reversed(anchors):
        after.append(last)
        last = last if anchor is None else anchor
    return list(zip(before, reversed(after), strict=True))


def _longest_rising(numbers: Sequence[int]) -> set[int]:
    """Return the indices of a longest rising subsequence of distinct ``numbers``."""
    tails: list[int] = []
    tail_indices: list[int] = []
    previous: list[int] = []
    for index, number in enumerate(numbers):
        length = bisect_left(tails, number)
        previous.append(tail_indices[length - 1] if length else -1)
        tails[length : length + 1] = [number]
        tail_indices[length : length + 1] = [index]
    rising = set()
    index = tail_indices[-1] if tail_indices else -1
    while index >= 0:
        rising.add(index)
        index = previous[index]
    return rising
