"""Whether what a kernel ran is what a notebook says; docs/decisions/0023-run-verdict.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Literal

from jupyter_mlops.notebooks.canonical import CellPlace, Notebook, cell_source, iter_cells
from jupyter_mlops.notebooks.journal import CellRun, hash_source

_MAY_RAISE = "raises-exception"
_MAY_SKIP = "skip-execution"


class VerdictWord(StrEnum):
    """What is said of a run; the last two only after it was tried again."""

    CLEAN = "clean"
    OUT_OF_ORDER = "out of order, replayable"
    OTHER_CODE = "used deleted or edited code"
    UNKNOWN = "unknown"
    VERIFIED = "verified"
    FAILED_REPLAY = "failed replay"


Role = Literal[
    "edited", "deleted", "out of order", "ran again", "skipped", "failed", "not ended", "not run"
]
"""What there is to say of a cell.

``edited``: its source is not the one that ran; ``deleted``: code that ran and is no cell's;
``out of order``: it ran after one that stands below; ``ran again``: with the same source;
``skipped``: it did not run, and one below did; ``failed``; ``not ended``: under way, or the kernel
died in it; ``not run``: nothing from here on ran.
"""


@dataclass(frozen=True, slots=True)
class JudgedCell:
    """One cell that a verdict names; ``place`` is None for code that is no cell any more.

    ``source`` is what ran, or would have; ``id`` as the front end said it, where that is known.
    """

    role: Role
    place: CellPlace | None
    id: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The word, the cells that make it so or must be known beside it, and the order of runs.

    ``order`` are the places of cells in the notebook, from 0, as they ran; the last run began at
    ``ran_at``, where that is known. ``why`` completes a sentence where the verdict is unknown.
    """

    word: VerdictWord
    cells: tuple[JudgedCell, ...] = ()
    order: tuple[int, ...] = ()
    why: str | None = None
    ran_at: datetime | None = None


def unknown(why: str) -> Verdict:
    """Return that nothing can be said, as ``why`` completes a sentence."""
    return Verdict(VerdictWord.UNKNOWN, why=why)


@dataclass(frozen=True, slots=True)
class _Cell:
    place: CellPlace
    source: str
    hash: str
    may_raise: bool
    may_skip: bool


def judge(
    notebook: Notebook, runs: Sequence[CellRun], is_aside: Callable[[str], bool] = lambda _: False
) -> Verdict:
    """Return what ``runs``, everything that one kernel ran in order, say of ``notebook``.

    ``is_aside`` tells sources that change nothing of what the notebook computes: neither cells nor
    runs that have them count.
    """
    cells = _list_cells(notebook, is_aside)
    counted = [run for run in runs if run.outcome != "not-run" and not is_aside(run.source)]
    found = _match(cells, counted)
    ids = {cell.place.id: cell for cell in cells if cell.place.id is not None}
    if not any(cell is not None or run.cell_id in ids for run, cell in found):
        return unknown("no cell of it ran in that kernel")
    ran_at = counted[-1].began_at
    other = [_describe_other(run, ids) for run, cell in found if cell is None]
    if other:
        named, order = tuple(dict.fromkeys(other)), _order(found)
        return Verdict(VerdictWord.OTHER_CODE, named, order, ran_at=ran_at)
    return _judge_order(cells, [(run, cell) for run, cell in found if cell is not None])


def _list_cells(notebook: Notebook, is_aside: Callable[[str], bool]) -> list[_Cell]:
    """Return the cells that running the notebook runs."""
    cells = []
    for index, cell in enumerate(iter_cells(notebook)):
        source = cell_source(cell)
        if cell.get("cell_type") != "code" or not source.strip() or is_aside(source):
            continue
        metadata, name = cell.get("metadata"), cell.get("id")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        place = CellPlace(index, name if isinstance(name, str) else None)
        tags = tags if isinstance(tags, list) else []
        hash = hash_source(source)
        cells.append(_Cell(place, source, hash, _MAY_RAISE in tags, _MAY_SKIP in tags))
    return cells


_Found = list[tuple[CellRun, _Cell | None]]


def _match(cells: Sequence[_Cell], runs: Sequence[CellRun]) -> _Found:
    """Return each run with the cell whose source it ran, None where no cell has that source.

    That is the cell with the run's id where it has the source; else, of the cells that have it, the
    first below the one that ran last, the first that has not run, or the first.
    """
    by_hash: dict[str, list[_Cell]] = {}
    for cell in cells:
        by_hash.setdefault(cell.hash, []).append(cell)
    found: _Found = []
    last = -1
    ran: set[int] = set()
    for run in runs:
        same = by_hash.get(run.source_hash, [])
        named = [c for c in same if run.cell_id is not None and c.place.id == run.cell_id]
        fresh = [c for c in same if c.place.index not in ran]
        below = [c for c in fresh if c.place.index > last]
        chosen = next(iter((*named, *below, *fresh, *same)), None)
        found.append((run, chosen))
        if chosen is not None:
            last = chosen.place.index
            ran.add(last)
    return found


def _describe_other(run: CellRun, ids: Mapping[str, _Cell]) -> JudgedCell:
    cell = ids.get(run.cell_id) if run.cell_id is not None else None
    role: Role = "deleted" if cell is None else "edited"
    return JudgedCell(role, cell.place if cell is not None else None, run.cell_id, run.source)


def _order(found: _Found) -> tuple[int, ...]:
    return tuple(cell.place.index for _, cell in found if cell is not None)


def _judge_order(cells: Sequence[_Cell], found: Sequence[tuple[CellRun, _Cell]]) -> Verdict:
    """Return the verdict on runs of which each is a cell's."""
    order = tuple(cell.place.index for _, cell in found)
    counts = Counter(order)
    lowest = max(order)
    last = found[-1][0]

    def told(role: Role, cell: _Cell) -> JudgedCell:
        return JudgedCell(role, cell.place, cell.place.id, cell.source)

    disorder = [told("ran again", cell) for cell in cells if counts[cell.place.index] > 1]
    disorder += [
        told("out of order", below[1])
        for above, below in pairwise(found)
        if below[1].place.index < above[1].place.index
    ]
    disorder += [
        told("skipped", cell)
        for cell in cells
        if cell.place.index < lowest and not counts[cell.place.index] and not cell.may_skip
    ]
    failed = [(run, cell) for run, cell in found if _has_failed(run, last) and not cell.may_raise]
    disorder += [told("failed", cell) for run, cell in failed if run is not last]
    beside = [told("failed", cell) for run, cell in failed if run is last]
    if last.outcome is None and last.began_at is not None:
        beside.append(told("not ended", found[-1][1]))
    below = [cell for cell in cells if cell.place.index > lowest and not cell.may_skip]
    beside += [told("not run", cell) for cell in below]
    word = VerdictWord.OUT_OF_ORDER if disorder else VerdictWord.CLEAN
    return Verdict(word, tuple(dict.fromkeys((*disorder, *beside))), order, ran_at=last.began_at)


def _has_failed(run: CellRun, last: CellRun) -> bool:
    """Return whether a run raised, or never ended though others came after it."""
    if run.outcome is None:
        return run.began_at is not None and run is not last
    return run.outcome == "failed"
