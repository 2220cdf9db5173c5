"""Which cells of three versions of a notebook are one, and in which order a merge has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from jupyter_mlops.notebooks.canonical import Notebook
from jupyter_mlops.notebooks.match import match_cells
from jupyter_mlops.notebooks.merge_values import Versions


@dataclass(frozen=True, slots=True)
class Slot:
    """One cell, by its places in the versions that have it."""

    base: int | None
    ours: int | None
    theirs: int | None

    def pick(self, cells: Versions[Sequence[Notebook]]) -> Versions[Notebook | None]:
        """Return the three versions of the cell."""
        places = (self.base, self.ours, self.theirs)
        return Versions(
            *(
                None if place is None else side[place]
                for side, place in zip(cells, places, strict=True)
            )
        )

    @property
    def is_added_by_ours(self) -> bool:
        """Whether ours alone has it."""
        return self.base is None and self.theirs is None


@dataclass(frozen=True, slots=True)
class Slots:
    """All cells of three versions, those of each side in its order, and those that it has moved."""

    all: tuple[Slot, ...]
    ours: tuple[Slot, ...]
    theirs: tuple[Slot, ...]
    moved_by_ours: frozenset[Slot]
    moved_by_theirs: frozenset[Slot]


class _Side:
    """The cells of one side, and which cells of the common ancestor they are."""

    def __init__(self, base: Sequence[Notebook], cells: Sequence[Notebook]) -> None:
        pairs = match_cells(base, cells)
        self.cells = cells
        self.new = {pair.old: pair.new for pair in pairs}
        self.old = {pair.new: pair.old for pair in pairs}
        self.moved = [pair.old for pair in pairs if pair.moved]
        self._old_count = len(base)

    def find_in_place(self, old: int) -> int | None:
        """Return the one new cell without an id that stands where ``old`` stood, if it is gone."""
        before = -1 if old == 0 else self.new.get(old - 1)
        after = len(self.cells) if old + 1 == self._old_count else self.new.get(old + 1)
        if old in self.new or before is None or after != before + 2:
            return None
        return before + 1 if "id" not in self.cells[before + 1] else None

    def pair(self, old: int, new: int) -> None:
        """Take the cell ``new`` for ``old``."""
        self.new[old] = new
        self.old[new] = old

    def iter_added(self) -> Iterator[tuple[int, int | None]]:
        """Yield the places of added cells, each with the old cell before it."""
        before = None
        for place in range(len(self.cells)):
            if place in self.old:
                before = self.old[place]
            else:
                yield place, before


def find_slots(cells: Versions[Sequence[Notebook]]) -> Slots:
    """Return the cells that the versions have, each once.

    Cells without ids that both sides have put in the place of the same one are that one. Cells that
    both sides have added are one where they have one id and a line in common, or stand at the same
    place and are equal.
    """
    ours, theirs = (_Side(cells.base, side) for side in cells[1:])
    for place in range(len(cells.base)):
        mine, other = ours.find_in_place(place), theirs.find_in_place(place)
        if mine is not None and other is not None:
            ours.pair(place, mine)
            theirs.pair(place, other)
    both = [
        Slot(place, ours.new.get(place), theirs.new.get(place)) for place in range(len(cells.base))
    ]
    same = _match_added(ours, theirs)
    of_ours = [
        both[ours.old[place]] if place in ours.old else Slot(None, place, same.get(place))
        for place in range(len(ours.cells))
    ]
    shared = {slot.theirs: slot for slot in of_ours if slot.base is None}
    of_theirs = [
        both[theirs.old[place]]
        if place in theirs.old
        else shared.get(place, Slot(None, None, place))
        for place in range(len(theirs.cells))
    ]
    return Slots(
        tuple(dict.fromkeys((*both, *of_ours, *of_theirs))),
        tuple(of_ours),
        tuple(of_theirs),
        *(frozenset(both[old] for old in side.moved) for side in (ours, theirs)),
    )


def _match_added(ours: _Side, theirs: _Side) -> dict[int, int]:
    """Return the places in theirs of added cells that ours has as well, by their place there."""
    mine, others = dict(ours.iter_added()), dict(theirs.iter_added())
    matched = {}
    by_id = {theirs.cells[place].get("id"): place for place in others}
    for place in mine:
        one = ours.cells[place]
        there = by_id.get(one["id"]) if "id" in one else None
        if there in others and _have_common_line(one, theirs.cells[there]):
            matched[place] = there
            del others[there]
    equal: dict[object, list[int]] = {}
    for there, before in reversed(others.items()):
        equal.setdefault(_content(theirs.cells[there], before), []).append(there)
    for place, before in mine.items():
        found = equal.get(_content(ours.cells[place], before))
        if place not in matched and found:
            matched[place] = found.pop()
    return matched


def _content(cell: Notebook, before: int | None) -> object:
    return before, cell["cell_type"], cell["source"]


def _have_common_line(one: Notebook, other: Notebook) -> bool:
    lines, others = (
        {line.strip() for line in cell["source"].splitlines()} - {""} for cell in (one, other)
    )
    return lines == others or not lines.isdisjoint(others)


def order_slots(slots: Slots, kept: Collection[Slot]) -> list[Slot]:
    """Return the cells ``kept`` in order: that of ours, changed as theirs has changed it.

    What theirs has added or moved comes behind the cell that it stands behind there, and behind
    what ours has added or moved to that place. What both have moved stands where ours has it.
    """
    moved = slots.moved_by_theirs - slots.moved_by_ours
    stays = [slot for slot in slots.ours if slot in kept and slot not in moved]
    following: dict[Slot | None, Slot | None] = {}
    last: Slot | None = None
    for slot in (*stays, None):
        following[last] = slot
        last = slot
    in_place = set(stays)
    anchor: Slot | None = None
    for slot in slots.theirs:
        if slot not in kept:
            continue
        if slot not in in_place:
            last = anchor
            while (after := following[last]) is not None and (
                after.is_added_by_ours or after in slots.moved_by_ours
            ):
                last = after
            following[slot], following[last] = after, slot
            anchor = slot
        elif slot not in slots.moved_by_ours:
            anchor = slot
    ordered = []
    slot_or_end = following[None]
    while slot_or_end is not None:
        ordered.append(slot_or_end)
        slot_or_end = following[slot_or_end]
    return ordered
