"""What changed between two versions of a notebook, cell by cell, as a person would tell it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.notebooks.line_changes import LineComparer, Span
from jupyter_mlops.notebooks.match import CellPair, match_cells
from jupyter_mlops.notebooks.readable import ReadableNotebook, source_lines

_CONTEXT = 3
_MARKED_TOKENS = 400
_MARKED_SHARE = 0.4
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One value of metadata, by its dotted key; None where that version lacks it."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line of a source: ``-`` was removed, ``+`` was added, a blank stands in both.

    ``marks`` are the parts of it that differ from the line that it took the place of, or that took
    its place: from one character to before another.
    """

    sign: Literal[" ", "-", "+"]
    text: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that belong together, and which lines of the cell they begin with, from 1."""

    old_start: int
    new_start: int
    lines: tuple[ChangedLine, ...]


@dataclass(frozen=True, slots=True)
class CellChange:
    """What became of one cell.

    ``old_index`` and ``new_index`` are its places, from 0; None where that version lacks it. An
    edited cell may be ``moved`` as well. Of one that was only moved ``hunks`` show the beginning.
    """

    change: Literal["added", "removed", "edited", "moved"]
    cell_type: str
    id: str | None
    old_index: int | None
    new_index: int | None
    moved: bool
    fields: tuple[FieldChange, ...]
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True, slots=True)
class NotebookChanges:
    """What changed in a notebook: its own metadata, and its cells in the order of the new one."""

    fields: tuple[FieldChange, ...]
    cells: tuple[CellChange, ...]

    @property
    def any(self) -> bool:
        """Whether anything changed that a person reads."""
        return bool(self.fields or self.cells)


def compare_notebooks(old: ReadableNotebook, new: ReadableNotebook) -> NotebookChanges:
    """Return what changed from ``old`` to ``new``.

    The time grows with the size of the notebooks; where sources differ in more lines than can be
    compared in a second or so, the whole of what differs counts as replaced.
    """
    pairs = match_cells(old.cells, new.cells)
    comparer = _SourceComparer()
    found: list[tuple[tuple[int, int, int], CellChange]] = []
    partners = {pair.new: pair for pair in pairs}
    for place in range(len(new.cells)):
        if place in partners:
            change = _compare_cells(old, new, partners[place], comparer)
        else:
            change = _whole_cell(new, place, "+")
        if change is not None:
            found.append(((place, 0, 0), change))
    staying = {pair.old: pair.new for pair in pairs if not pair.moved}
    remaining = {pair.old for pair in pairs}
    before = -1
    for place in range(len(old.cells)):
        if place not in remaining:
            found.append(((before, 1, place), _whole_cell(old, place, "-")))
        before = staying.get(place, before)
    found.sort(key=lambda one: one[0])
    return NotebookChanges(
        _compare_fields(old.fields, new.fields), tuple(change for _, change in found)
    )


def _compare_cells(
    old: ReadableNotebook, new: ReadableNotebook, pair: CellPair, comparer: _SourceComparer
) -> CellChange | None:
    before, after = old.cells[pair.old], new.cells[pair.new]
    fields = _compare_fields(
        {"cell type": before["cell_type"], **old.cell_fields[pair.old]},
        {"cell type": after["cell_type"], **new.cell_fields[pair.new]},
    )
    hunks = comparer.find_hunks(source_lines(before), source_lines(after))
    edited = bool(fields or hunks)
    if not edited and not pair.moved:
        return None
    if not edited:
        head = source_lines(after)[:_CONTEXT]
        hunks = (Hunk(1, 1, tuple(ChangedLine(" ", line) for line in head)),) if head else ()
    return CellChange(
        "edited" if edited else "moved",
        after["cell_type"],
        after.get("id"),
        pair.old,
        pair.new,
        pair.moved,
        fields,
        hunks,
    )


def _whole_cell(notebook: ReadableNotebook, place: int, sign: Literal["-", "+"]) -> CellChange:
    cell, fields = notebook.cells[place], notebook.cell_fields[place]
    lines = tuple(ChangedLine(sign, line) for line in source_lines(cell))
    added = sign == "+"
    return CellChange(
        "added" if added else "removed",
        cell["cell_type"],
        cell.get("id"),
        None if added else place,
        place if added else None,
        False,
        _compare_fields({}, fields) if added else _compare_fields(fields, {}),
        (Hunk(1, 1, lines),) if lines else (),
    )


def _compare_fields(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )


class _SourceComparer:
    """Compares the sources of one notebook's cells, with a bound on the work for all of them."""

    def __init__(self) -> None:
        self._lines = LineComparer()
        self._tokens = LineComparer()

    def find_hunks(self, old: Sequence[str], new: Sequence[str]) -> tuple[Hunk, ...]:
        """Return what differs, with some lines around it."""
        groups: list[list[Span]] = []
        for span in self._lines.find_changes(old, new):
            if groups and span[0] - groups[-1][-1][1] <= 2 * _CONTEXT:
                groups[-1].append(span)
            else:
                groups.append([span])
        return tuple(self._build_hunk(old, new, group) for group in groups)

    def _build_hunk(self, old: Sequence[str], new: Sequence[str], group: Sequence[Span]) -> Hunk:
        lead = min(_CONTEXT, group[0][0])
        here = group[0][0] - lead
        start = Hunk(here + 1, group[0][2] - lead + 1, ())
        lines = []
        for a, b, c, d in group:
            lines += [ChangedLine(" ", line) for line in old[here:a]]
            lines += self._replace(old[a:b], new[c:d])
            here = b
        lines += [ChangedLine(" ", line) for line in old[here : here + _CONTEXT]]
        return Hunk(start.old_start, start.new_start, tuple(lines))

    def _replace(self, old: Sequence[str], new: Sequence[str]) -> Iterator[ChangedLine]:
        marks = (
            [self._mark(*pair) for pair in zip(old, new, strict=True)]
            if len(old) == len(new)
            else []
        )
        for place, line in enumerate(old):
            yield ChangedLine("-", line, marks[place][0] if marks else ())
        for place, line in enumerate(new):
            yield ChangedLine("+", line, marks[place][1] if marks else ())

    def _mark(
        self, old: str, new: str
    ) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """Return the parts in which two lines differ; none where they have little in common."""
        if max(len(old), len(new)) > 10 * _MARKED_TOKENS:
            return (), ()
        ours, theirs = _TOKEN.findall(old), _TOKEN.findall(new)
        if max(len(ours), len(theirs)) > _MARKED_TOKENS:
            return (), ()
        spans = self._tokens.find_changes(ours, theirs)
        first = _as_characters(ours, [(a, b) for a, b, _, _ in spans])
        second = _as_characters(theirs, [(c, d) for _, _, c, d in spans])
        same = len(old) - sum(b - a for a, b in first)
        enough = 2 * same >= _MARKED_SHARE * (len(old) + len(new))
        return (first, second) if enough else ((), ())


def _as_characters(
    tokens: Sequence[str], spans: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    offsets = [0]
    for token in tokens:
        offsets.append(offsets[-1] + len(token))
    return tuple((offsets[a], offsets[b]) for a, b in spans if a < b)
