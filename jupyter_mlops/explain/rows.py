"""What became of the rows and columns of a table, within bounds on time and memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jupyter_mlops.explain.table_files import Scanned, TableFile, open_table
from jupyter_mlops.text import visible
from jupyter_mlops.units import plural

if TYPE_CHECKING:
    from numpy import int64
    from numpy.typing import NDArray

_NAMED_COLUMNS = 5
_EXAMPLE_COLUMNS = 20
_EXAMPLE_LETTERS = 200
_KEY = re.compile(r"(?s:(?i:(?:.*[_\- .])?(?:id|key|uuid|guid))|.*[a-z]I[Dd])")


@dataclass(frozen=True, slots=True)
class TypeChange:
    """What kind of values a column has, in two states."""

    column: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class CellDifference:
    """A cell as it may be shown, of long ones the beginning; null in the state without the row."""

    column: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class RowExample:
    """One row that differs: of one that changed, the cells that did; 20 cells at most.

    Rows are counted from 1, below the header; null in the state that has no such row. ``key`` is
    its value in the column by which rows were told apart.
    """

    change: Literal["added", "removed", "changed"]
    old_row: int | None
    new_row: int | None
    key: str | None
    cells: tuple[CellDifference, ...]


@dataclass(frozen=True, slots=True)
class RowChanges:
    """What became of a table's rows, compared in the columns that both states have.

    ``key`` is the column by which rows were told apart; without one, rows are the same that have
    the same values. Then ``changed`` are rows in the same place with other values, where as many
    rows as before are there and all others are as they were; else such a row counts as removed and
    as added. ``reordered``: the same rows, in another order. ``examples`` are as many of each kind
    as were asked for, the first ones.
    """

    old_rows: int
    new_rows: int
    added: int
    removed: int
    changed: int
    key: str | None = None
    reordered: bool = False
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    types: tuple[TypeChange, ...] = ()
    columns: int = 0
    examples: tuple[RowExample, ...] = ()

    @property
    def share(self) -> float:
        """How much of the table differs: of its rows, or of its columns if that is more."""
        rows = (self.added + self.removed + self.changed) / max(self.old_rows, self.new_rows, 1)
        others = len(self.columns_added) + len(self.columns_removed) + len(self.types)
        return min(max(rows, others / max(self.columns, 1)), 1.0)

    def describe(self) -> str:
        """Return it in words: ``12 rows added, 3 changed of 1,000; column age removed``."""
        counts = ((self.added, "added"), (self.removed, "removed"), (self.changed, "changed"))
        found = [(count, word) for count, word in counts if count]
        parts = []
        if found:
            (count, word), *others = found
            text = ", ".join([f"{plural(count, 'row')} {word}", *(f"{n:,} {w}" for n, w in others)])
            parts.append(f"{text} of {max(self.old_rows, self.new_rows):,}")
        elif self.reordered:
            parts.append("the same rows in another order")
        parts += _name_columns(self.columns_added, "added")
        parts += _name_columns(self.columns_removed, "removed")
        parts += [f"{one.column} was {one.old}, is {one.new}" for one in self.types[:3]]
        if len(self.types) > 3:
            parts.append(f"{len(self.types) - 3:,} more columns of another type")
        return "; ".join(parts) or "the same rows, written in another way"


def compare_rows(path: str, old: bytes, new: bytes, examples: int = 0) -> RowChanges:
    """Return what became of the rows of a table, with up to ``examples`` of each kind of change.

    Raises:
        ValueError: one of them cannot be read, or is too large; the message goes on after the
            file's name.
    """
    before, after = open_table(path, old), open_table(path, new)
    known = set(before.columns)
    common = [name for name in after.columns if name in known]
    keys = [name for name in common if _KEY.fullmatch(name)][:3]
    first, second = before.scan(common, keys), after.scan(common, keys)
    key = next(
        (
            name
            for name in keys
            if first.rows and second.rows and first.is_unique(name) and second.is_unique(name)
        ),
        None,
    )
    places = _compare_by_key(first, second, key) if key else _compare_values(first, second)
    present = set(after.columns)
    return RowChanges(
        old_rows=len(first.rows),
        new_rows=len(second.rows),
        added=len(places.added),
        removed=len(places.removed),
        changed=len(places.changed),
        key=key,
        reordered=places.reordered,
        columns_added=tuple(name for name in after.columns if name not in known),
        columns_removed=tuple(name for name in before.columns if name not in present),
        types=tuple(
            TypeChange(name, first.types[name], second.types[name])
            for name in common
            if first.types[name] != second.types[name]
            and "empty" not in (first.types[name], second.types[name])
        ),
        columns=len(known | present),
        examples=tuple(_iter_examples(before, after, places.first(examples), key)),
    )


@dataclass(frozen=True, slots=True)
class _Places:
    """Which rows differ, counted from 0, in the order of the table; ``changed`` are pairs."""

    added: NDArray[int64]
    removed: NDArray[int64]
    changed: NDArray[int64]
    reordered: bool = False

    def first(self, count: int) -> _Places:
        return _Places(self.added[:count], self.removed[:count], self.changed[:count])


def _compare_by_key(old: Scanned, new: Scanned, key: str) -> _Places:
    import numpy

    first, second = (numpy.frombuffer(one.rows, "q") for one in (old, new))
    before, after = (numpy.frombuffer(one.keys[key], "q") for one in (old, new))
    _, here, there = numpy.intersect1d(before, after, assume_unique=True, return_indices=True)
    pairs = numpy.stack([here, there], axis=1)[first[here] != second[there]]
    added = numpy.setdiff1d(numpy.arange(len(after)), there, assume_unique=True)
    removed = numpy.setdiff1d(numpy.arange(len(before)), here, assume_unique=True)
    same = not (len(added) or len(removed) or len(pairs))
    pairs = pairs[numpy.argsort(pairs[:, 1])]
    return _Places(added, removed, pairs, same and old.rows != new.rows)


def _compare_values(old: Scanned, new: Scanned) -> _Places:
    import numpy

    before, after = (numpy.array(one.rows, "q") for one in (old, new))
    _, codes = numpy.unique(numpy.concatenate([before, after]), return_inverse=True)
    here, there = codes[: len(before)], codes[len(before) :]
    added, removed = _surplus(there, here), _surplus(here, there)
    none = numpy.empty((0, 2), "q")
    if len(before) == len(after):
        moved = numpy.flatnonzero(before != after)
        if len(moved) == len(added):
            return _Places(none[:, 0], none[:, 0], numpy.stack([moved, moved], axis=1))
    return _Places(added, removed, none, not (len(added) or len(removed)))


def _surplus(codes: NDArray[int64], others: NDArray[int64]) -> NDArray[int64]:
    """Return where ``codes`` has a value more often than ``others``, and how often."""
    import numpy

    order = numpy.argsort(codes, kind="stable")
    ordered = codes[order]
    ranks = numpy.arange(len(codes)) - numpy.searchsorted(ordered, ordered)
    counts = numpy.bincount(others, minlength=int(codes.max(initial=-1)) + 1)
    return numpy.sort(order[ranks >= counts[ordered]])


def _iter_examples(
    old: TableFile, new: TableFile, places: _Places, key: str | None
) -> Iterator[RowExample]:
    changed: list[tuple[int, int]] = [(int(here), int(there)) for here, there in places.changed]
    removed, added = list(map(int, places.removed)), list(map(int, places.added))
    before = old.take({*removed, *(here for here, _ in changed)})
    after = new.take({*added, *(there for _, there in changed)})
    for here, there in changed:
        one, other = (
            dict(zip(table.columns, row, strict=True))
            for table, row in ((old, before[here]), (new, after[there]))
        )
        differing = [name for name in one if name in other and one[name] != other[name]]
        cells = [CellDifference(name, _show(one[name]), _show(other[name])) for name in differing]
        yield _example("changed", here, there, other.get(key or ""), cells)
    for place in removed:
        row = dict(zip(old.columns, before[place], strict=True))
        cells = [CellDifference(name, _show(value), None) for name, value in row.items()]
        yield _example("removed", place, None, row.get(key or ""), cells)
    for place in added:
        row = dict(zip(new.columns, after[place], strict=True))
        cells = [CellDifference(name, None, _show(value)) for name, value in row.items()]
        yield _example("added", None, place, row.get(key or ""), cells)


def _example(
    change: Literal["added", "removed", "changed"],
    old_place: int | None,
    new_place: int | None,
    key: str | None,
    cells: Sequence[CellDifference],
) -> RowExample:
    return RowExample(
        change,
        None if old_place is None else old_place + 1,
        None if new_place is None else new_place + 1,
        None if key is None else _show(key),
        tuple(cells[:_EXAMPLE_COLUMNS]),
    )


def _show(text: str) -> str:
    return visible(text[:_EXAMPLE_LETTERS])


def _name_columns(names: Sequence[str], word: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:_NAMED_COLUMNS])
    more = f" and {len(names) - _NAMED_COLUMNS:,} more" if len(names) > _NAMED_COLUMNS else ""
    return [f"column{'s' if len(names) > 1 else ''} {shown}{more} {word}"]
