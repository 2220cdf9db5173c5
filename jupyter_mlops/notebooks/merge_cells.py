"""Three versions of a notebook's cell as one, field by field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jupyter_mlops.notebooks.canonical import Notebook
from jupyter_mlops.notebooks.conflict import join_sources
from jupyter_mlops.notebooks.merge_values import ABSENT, Clash, Versions, is_same, merge_values


class MergedText(NamedTuple):
    """What three versions of a text come to; ``conflict`` says that it has marks."""

    text: str
    conflict: bool


MergeTexts = Callable[[Sequence[Versions[str]]], Sequence[MergedText]]
"""Merges texts line by line, each by itself."""

_APART = ("id", "cell_type", "source", "attachments", "outputs", "execution_count")
_DELETED = "is deleted"


@dataclass(slots=True)
class MergedCell:
    """A merged cell.

    Attributes:
        cell: its fields; the source is still to be had from ``texts`` where those are given.
        texts: versions of its source that have to be merged line by line.
        conflict: marks stand in its source.
        clashes: what else both sides changed in different ways.
    """

    cell: Notebook
    texts: Versions[str] | None = None
    conflict: bool = False
    clashes: list[Clash] = field(default_factory=list)


def merge_cell(
    base: Notebook | None, ours: Notebook, theirs: Notebook, *, mark_bytes: int
) -> MergedCell:
    """Return what three versions of a cell come to; ``base`` None: both sides have added it."""
    cells = Versions(base if base is not None else {}, ours, theirs)
    if is_same(ours, theirs) or is_same(theirs, cells.base):
        return MergedCell(dict(ours))
    if is_same(ours, cells.base):
        return MergedCell(dict(theirs))
    merged = MergedCell({})
    attachments = _merge_attachments(cells, merged.clashes)
    kind, source = (_choose(_field(cells, key)) for key in ("cell_type", "source"))
    if kind is None or (kind == "code" and attachments):
        # Only cells that are not code can have attachments.
        kind = "markdown" if attachments else ours["cell_type"]
        notes = (f"{ours['cell_type']} cell", f"{theirs['cell_type']} cell")
        source = join_sources(ours["source"], theirs["source"], notes=notes, mark_bytes=mark_bytes)
        merged.conflict = True
    elif source is None:
        merged.texts = Versions(cells.base.get("source", ""), ours["source"], theirs["source"])
    merged.cell = {"cell_type": kind, "source": source}
    name = _choose(_field(cells, "id")) or ours.get("id")
    if name is not None:
        merged.cell["id"] = name
    for key in dict.fromkeys((*ours, *theirs)):
        if key not in _APART:
            value = merge_values(_field(cells, key, ABSENT), merged.clashes, (key,))
            if value is not ABSENT:
                merged.cell[key] = value
    if attachments:
        merged.cell["attachments"] = attachments
    if kind == "code":
        whole = merged.texts is None and not merged.conflict
        merged.cell |= _choose_run(cells, source if whole else None)
    return merged


def mark_deleted(cell: Notebook, *, by_ours: bool, mark_bytes: int) -> MergedCell:
    """Return a cell that one side has changed and the other one deleted."""
    versions = ("", cell["source"]) if by_ours else (cell["source"], "")
    notes = (f"the cell {_DELETED}", "") if by_ours else ("", f"the cell {_DELETED}")
    marked = dict(cell) | {"source": join_sources(*versions, notes=notes, mark_bytes=mark_bytes)}
    if cell["cell_type"] == "code":
        marked |= {"outputs": [], "execution_count": None}
    return MergedCell(marked, conflict=True)


def has_other_content(cell: Notebook, base: Notebook) -> bool:
    """Return whether a person has changed what stands in ``cell``, not just how it is shown."""
    return not all(
        is_same(cell.get(key, ABSENT), base.get(key, ABSENT))
        for key in ("source", "cell_type", "attachments")
    )


def _field(cells: Versions[Notebook], key: str, default: Any = None) -> Versions[Any]:
    return Versions(*(cell.get(key, default) for cell in cells))


def _choose(versions: Versions[Any]) -> Any:
    """Return the value of the side that changed it, None where both did in different ways."""
    base, ours, theirs = versions
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else None


def _merge_attachments(cells: Versions[Notebook], clashes: list[Clash]) -> dict[str, Any]:
    """Return all attachments by name; of two with one name, that of theirs gets another."""
    before, mine, others = _field(cells, "attachments", {})
    merged = {}
    for name in dict.fromkeys((*mine, *others)):
        found: list[Clash] = []
        versions = Versions(*(side.get(name, ABSENT) for side in (before, mine, others)))
        value = merge_values(versions, found)
        if value is not ABSENT:
            merged[name] = value
        if not found:
            continue
        told = [_DELETED if version is ABSENT else f"is {name}" for version in versions[1:]]
        if ABSENT not in versions[1:]:
            renamed = f"theirs-{name}"
            while renamed in mine or renamed in others:
                renamed = f"theirs-{renamed}"
            merged[name], merged[renamed] = versions[1:]
            told[1] = f"is {renamed}"
        clashes.append(Clash(("attachments", name), *told))
    return merged


def _choose_run(cells: Versions[Notebook], source: str | None) -> dict[str, Any]:
    """Return outputs and count of the side whose source the merged cell has; else there are none.

    Outputs are not merged: where both sides have run the same source again, those of ours stay.
    """
    base, ours, theirs = (
        {"outputs": cell.get("outputs") or [], "execution_count": cell.get("execution_count")}
        for cell in cells
    )
    runs = [
        run
        for cell, run in ((cells.ours, ours), (cells.theirs, theirs))
        if cell["cell_type"] == "code" and cell["source"] == source
    ]
    if len(runs) == 2 and is_same(ours, base):
        return theirs
    return runs[0] if runs else {"outputs": [], "execution_count": None}
