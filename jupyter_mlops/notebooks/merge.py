"""Three versions of a notebook as one, cell by cell.

Cells are matched with those of the common ancestor; what a side has done to a cell, to the order
and to metadata is then done to the result. Of what both have done in different ways the result has
both: sources between marks in their cell, all else named in a raw cell at the top.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jupyter_mlops.formats.conflict import MARK_BYTES
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.notebooks.canonical import (
    CellPlace,
    Notebook,
    build_notebook,
    format_notebook,
    parse_notebook,
)
from jupyter_mlops.notebooks.conflict import join_sources
from jupyter_mlops.notebooks.merge_cells import (
    MergedCell,
    MergeTexts,
    has_other_content,
    mark_deleted,
    merge_cell,
)
from jupyter_mlops.notebooks.merge_order import Slot, find_slots, order_slots
from jupyter_mlops.notebooks.merge_values import (
    ABSENT,
    Clash,
    Versions,
    merge_values,
    merge_whole,
)

TEXTS_LIMIT = 1000
"""How many cells are merged line by line, each of which takes some milliseconds."""

_IDS_SINCE = 5
_KINDS = ("code", "markdown", "raw")
_PREFACE = """\
Both sides have changed the following in different ways. What ours has is in effect; where that is
deleted, what theirs has. Delete this cell when all of it is as it should be.
"""


@dataclass(frozen=True, slots=True)
class MergedNotebook:
    """The bytes of a merged notebook, and the cells in which both sides are to be chosen from."""

    notebook: bytes
    conflicts: tuple[CellPlace, ...]


def merge_notebooks(
    versions: Versions[bytes], merge_texts: MergeTexts, *, mark_bytes: int = MARK_BYTES
) -> MergedNotebook:
    """Return what three versions of a notebook come to, in canonical form.

    The result is a valid notebook where ours and theirs are. It has every line that a side has
    added, and none that one has deleted and the other has not changed.

    Args:
        versions: the bytes of each; that of the common ancestor is empty where there is none, and
            ours comes first where the order is open.
        merge_texts: what merges sources that both sides have changed, called once at most.
        mark_bytes: how long marks of a conflict are.

    Raises:
        ValueError: a version is no notebook of nbformat 4, or too many cells have been changed by
            both sides; the text goes on after the file's name.
    """
    try:
        notebooks = Versions(*(_parse(version) for version in versions))
        return _merge(notebooks, merge_texts, mark_bytes)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _parse(data: bytes) -> Notebook:
    """Return a notebook of nbformat 4 in which all that a merge looks at has its type."""
    if not data:
        return {"cells": [], "metadata": {}}
    notebook = parse_notebook(data)
    if notebook["nbformat"] != 4 or not isinstance(notebook.get("nbformat_minor"), int):
        raise ValueError("is of nbformat 3, and only cells of nbformat 4 are merged")
    cells = notebook["cells"]
    whole = isinstance(notebook.get("metadata"), dict) and isinstance(cells, list)
    if not whole or not all(map(_is_cell, cells)):
        raise ValueError("is JSON, but its cells are not a notebook's")
    return notebook


def _is_cell(cell: Any) -> bool:
    return (
        isinstance(cell, dict)
        and cell.get("cell_type") in _KINDS
        and isinstance(cell.get("source"), str)
        and isinstance(cell.get("metadata"), dict)
        and isinstance(cell.get("attachments", {}), dict)
        and isinstance(cell.get("id", ""), str)
    )


def _merge(
    notebooks: Versions[Notebook], merge_texts: MergeTexts, mark_bytes: int
) -> MergedNotebook:
    cells = Versions(*(notebook["cells"] for notebook in notebooks))
    slots = find_slots(cells)
    merged: dict[Slot, MergedCell] = {}
    for slot in slots.all:
        one = _merge_slot(slot.pick(cells), mark_bytes)
        if one is not None:
            merged[slot] = one
    _merge_sources(list(merged.values()), merge_texts)
    in_order = [merged[slot] for slot in order_slots(slots, merged.keys())]
    tree, clashes = _merge_outside(notebooks)
    if "nbformat" not in tree:
        raise ValueError("is empty")
    named = [(f"cell {number}", one.clashes) for number, one in enumerate(in_order, 1)]
    note = _tell_clashes([("notebook", clashes), *named], mark_bytes)
    if note is not None:
        cell = {"cell_type": "raw", "metadata": {}, "source": note}
        in_order.insert(0, MergedCell(cell, conflict=True))
    tree["cells"] = [one.cell for one in in_order]
    if tree["nbformat_minor"] >= _IDS_SINCE:
        _give_ids(tree["cells"])
    conflicts = tuple(
        CellPlace(index, one.cell.get("id")) for index, one in enumerate(in_order) if one.conflict
    )
    return MergedNotebook(format_notebook(build_notebook(tree)), conflicts)


def _merge_slot(cells: Versions[Notebook | None], mark_bytes: int) -> MergedCell | None:
    """Return what a cell comes to; None where it is deleted."""
    base, ours, theirs = cells
    if ours is not None and theirs is not None:
        return merge_cell(base, ours, theirs, mark_bytes=mark_bytes)
    only = ours if ours is not None else theirs
    if only is None:
        return None
    if base is None:
        return MergedCell(dict(only))
    if has_other_content(only, base):
        return mark_deleted(only, by_ours=ours is None, mark_bytes=mark_bytes)
    return None


def _merge_sources(cells: Sequence[MergedCell], merge_texts: MergeTexts) -> None:
    """Merge line by line what both sides have changed."""
    pending = [(one, one.texts) for one in cells if one.texts is not None]
    if len(pending) > TEXTS_LIMIT:
        raise ValueError(f"has more than {TEXTS_LIMIT} cells that both sides have changed")
    if not pending:
        return
    texts = merge_texts([versions for _, versions in pending])
    for (one, _), (text, conflict) in zip(pending, texts, strict=True):
        one.cell["source"], one.conflict = text, conflict


def _merge_outside(notebooks: Versions[Notebook]) -> tuple[Notebook, list[Clash]]:
    """Merge what is no cell; of two minor versions the result has the later.

    A kernel's name, title and language stand and fall together, and a title alone, which each
    machine sets, is no choice. What a kernel says of its language is written by each run, so that
    ours wins there.
    """
    clashes: list[Clash] = []
    ignored: list[Clash] = []
    sides = Versions(*(dict(side) for side in notebooks))
    metadata = Versions(*(dict(side.pop("metadata")) for side in sides))
    for side in sides:
        side.pop("cells")
    minors = [side.pop("nbformat_minor", 0) for side in sides]
    kernels = Versions(*(side.pop("kernelspec", ABSENT) for side in metadata))
    languages = Versions(*(side.pop("language_info", ABSENT) for side in metadata))
    same_kernel = _kernel_name(kernels.ours) == _kernel_name(kernels.theirs)
    merged = {
        "kernelspec": merge_whole(
            kernels, ignored if same_kernel else clashes, ("metadata", "kernelspec")
        ),
        "language_info": merge_whole(languages, ignored),
        **merge_values(metadata, clashes, ("metadata",)),
    }
    tree = merge_values(sides, clashes)
    tree["metadata"] = {key: value for key, value in merged.items() if value is not ABSENT}
    tree["nbformat_minor"] = max(minors[1:])
    return tree, clashes


def _kernel_name(kernel: Any) -> Any:
    return kernel.get("name") if isinstance(kernel, dict) else kernel


def _tell_clashes(named: Sequence[tuple[str, list[Clash]]], mark_bytes: int) -> str | None:
    """Return the source of a cell that shows both values of each clash; None without any."""
    blocks = []
    for where, clashes in named:
        for clash in clashes:
            what = f"{where}, {'.'.join(clash.key)}"
            lines = [f"{what}: {_show(value)}" for value in (clash.ours, clash.theirs)]
            blocks.append(join_sources(*lines, mark_bytes=mark_bytes))
    return "\n".join([_PREFACE, *blocks]) if blocks else None


def _show(value: Any) -> str:
    if value is ABSENT:
        return "is deleted"
    return value if isinstance(value, str) else json.dumps(value)


def _give_ids(cells: Sequence[Notebook]) -> None:
    """Give each cell an id that no other has: its own, if it is the first with that."""
    taken = {cell["id"] for cell in cells if "id" in cell}
    seen: set[str] = set()
    for cell in cells:
        if cell.get("id") is None or cell["id"] in seen:
            cell["id"] = next(name for name in _iter_names(cell) if name not in taken)
            taken.add(cell["id"])
        seen.add(cell["id"])


def _iter_names(cell: Notebook) -> Iterator[str]:
    """Yield ids for ``cell``, the same ones whenever it is merged."""
    start = json.dumps([cell.get("id"), cell["source"]]).encode()
    number = 0
    while True:
        yield hash_bytes(start + b"%d" % number).hex()[:8]
        number += 1
