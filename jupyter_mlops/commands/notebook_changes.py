"""What changed in a notebook, as a document; Git's diff shows it, and ``notebook diff``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from jupyter_mlops.document import Block, Patch, PatchLine
from jupyter_mlops.document.model import Tone
from jupyter_mlops.notebooks.compare import (
    CellChange,
    FieldChange,
    Hunk,
)
from jupyter_mlops.notebooks.readable import FIELD_MARK
from jupyter_mlops.units import plural

_TONES: dict[str, Tone] = {"added": "good", "removed": "bad", "edited": "warning", "moved": "plain"}
_ID_LETTERS = 8


def describe_changes(fields: Sequence[FieldChange], cells: Sequence[CellChange]) -> Iterator[Block]:
    """Yield a block for the notebook's own metadata and one for each cell that changed."""
    if fields:
        yield Patch("edited", "warning", "notebook metadata", tuple(_field_lines(fields)))
    for cell in cells:
        lines = (*_field_lines(cell.fields), *_source_lines(cell.hunks))
        yield Patch(_change(cell), _TONES[cell.change], _title(cell), lines)


def count_changes(fields: Sequence[FieldChange], cells: Sequence[CellChange]) -> str:
    """Return what changed, in a line: ``metadata edited, 2 cells edited, 1 moved``."""
    parts = ["metadata edited"] if fields else []
    counts = Counter(_change(cell) for cell in cells)
    for place, (change, count) in enumerate(counts.items()):
        parts.append(f"{count} {change}" if place else f"{plural(count, 'cell')} {change}")
    return ", ".join(parts)


def _change(cell: CellChange) -> str:
    return "moved and edited" if cell.moved and cell.change == "edited" else cell.change


def _title(cell: CellChange) -> str:
    """Return the kind of a cell, its place counted from 1, and the beginning of its id."""
    places = [place + 1 for place in (cell.old_index, cell.new_index) if place is not None]
    place = " → ".join(map(str, places)) if cell.moved else str(places[-1])
    name = f" · {cell.id[:_ID_LETTERS]}" if cell.id else ""
    return f"{cell.cell_type} cell {place}{name}"


def _field_lines(fields: Sequence[FieldChange]) -> Iterator[PatchLine]:
    for field in fields:
        if field.old is not None:
            yield PatchLine("-", f"{FIELD_MARK}{field.key}: {field.old}")
        if field.new is not None:
            yield PatchLine("+", f"{FIELD_MARK}{field.key}: {field.new}")


def _source_lines(hunks: Sequence[Hunk]) -> Iterator[PatchLine]:
    for hunk in hunks:
        if len(hunks) > 1 or (hunk.old_start, hunk.new_start) != (1, 1):
            old, new = (sum(line.sign != sign for line in hunk.lines) for sign in "+-")
            yield PatchLine("@", f"@@ -{hunk.old_start},{old} +{hunk.new_start},{new} @@")
        for line in hunk.lines:
            yield PatchLine(line.sign, line.text, line.marks)
