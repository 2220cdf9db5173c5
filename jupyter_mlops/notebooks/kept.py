"""Which of a notebook's outputs the store takes: none that show a secret, none above a limit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from jupyter_mlops.config import NotebooksConfig
from jupyter_mlops.notebooks.canonical import CellPlace, Notebook, iter_cells, parse_notebook
from jupyter_mlops.notebooks.outputs import Fields, Removed
from jupyter_mlops.notebooks.secrets import find_secrets

ALLOWING_TAG = "allow_secrets"
"""The tag of a cell whose outputs are kept whatever they look like."""


@dataclass(frozen=True, slots=True)
class KeepRules:
    """What is kept: ``limit_bytes`` for each output; secrets only where they are allowed."""

    limit_bytes: int = NotebooksConfig().output_limit_bytes
    allow_secrets: bool = False


DEFAULT_RULES = KeepRules()
"""What holds where a project says nothing."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An output, or a field of metadata, that is not kept.

    ``cell`` is None for the notebook's own metadata. ``secrets`` are the kinds it shows, none where
    it was left out for its ``size_bytes`` (in JSON). Nothing here repeats what it says.
    """

    cell: CellPlace | None
    secrets: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Selected:
    """What is to be kept, and what is left out."""

    removed: Removed
    left_out: tuple[LeftOut, ...] = ()


def select_kept(stripped: bytes, removed: Removed, rules: KeepRules, size_bytes: int) -> Selected:
    """Return what of ``removed`` is kept by ``rules``.

    Args:
        stripped: the notebook that it was removed from; its cells' tags count.
        removed: everything that was removed.
        rules: what is kept.
        size_bytes: how large ``removed`` is in JSON; no part of it is larger.
    """
    selected = Selected(removed)
    if size_bytes > rules.limit_bytes:
        selected = _sift(removed, lambda cell, part, _: _is_big(cell, part, rules.limit_bytes))
    if rules.allow_secrets:
        return selected
    allowed: set[int] | None = None

    def shows_secret(
        cell: CellPlace | None, part: Fields, whole: Notebook | None
    ) -> LeftOut | None:
        nonlocal allowed
        kinds = find_secrets(part)
        if whole is not None:
            return LeftOut(cell, kinds, 0) if kinds and not _is_allowing(whole) else None
        if kinds and cell is not None:
            allowed = set(_iter_allowed(stripped)) if allowed is None else allowed
        if not kinds or (cell is not None and allowed is not None and cell.index in allowed):
            return None
        return LeftOut(cell, kinds, 0)

    again = _sift(selected.removed, shows_secret)
    return Selected(again.removed, (*selected.left_out, *again.left_out))


def find_secret_cells(stripped: bytes, removed: Removed) -> tuple[LeftOut, ...]:
    """Return what of ``removed`` shows secrets that the tags of ``stripped`` do not allow.

    Of what is no notebook no tag allows anything.
    """
    return select_kept(stripped, removed, KeepRules(limit_bytes=1 << 62), 0).left_out


def find_secrets_for_git(stripped: bytes) -> tuple[LeftOut, ...]:
    """Return where outputs that Git gets, as their cells keep them, look like secrets.

    Cells with :data:`ALLOWING_TAG`, and files that are no notebooks, have none.
    """
    if b'"output_type"' not in stripped:
        return ()
    try:
        cells = list(iter_cells(parse_notebook(stripped)))
    except ValueError:
        return ()
    allowed = set(_iter_allowed(stripped))
    found = []
    for index, cell in enumerate(cells):
        outputs = cell.get("outputs")
        if index in allowed or not isinstance(outputs, list):
            continue
        kinds = {kind for output in outputs for kind in find_secrets(output)}
        if kinds:
            name = cell.get("id")
            place = CellPlace(index, name if isinstance(name, str) else None)
            found.append(LeftOut(place, tuple(sorted(kinds)), 0))
    return tuple(found)


_Judge = Callable[[CellPlace | None, Fields, Notebook | None], LeftOut | None]
"""Says why a part is left out; of a cell that is kept as a whole it gets that as well."""


def _sift(removed: Removed, judge: _Judge) -> Selected:
    left_out: list[LeftOut] = []

    def keeps(cell: CellPlace | None, part: Fields, whole: Notebook | None = None) -> bool:
        why = judge(cell, part, whole)
        if why is not None:
            left_out.append(why)
        return why is None

    def sift(cell: CellPlace | None, fields: Fields) -> Fields:
        kept: Fields = {}
        for key, value in fields.items():
            if key == "outputs" and isinstance(value, list):
                kept[key] = [one for one in value if keeps(cell, _as_fields(one))]
            elif key == "metadata" and isinstance(value, dict):
                kept[key] = {k: v for k, v in value.items() if keeps(cell, {k: v})}
            elif key == "cells" and cell is None and _are_cells(value):
                kept[key] = [sift_outputs(index, whole) for index, whole in enumerate(value)]
            elif keeps(cell, {key: value}):
                kept[key] = value
        return kept

    def sift_outputs(index: int, whole: Notebook) -> Notebook:
        """Return a cell of a notebook that lost some; its code may be nowhere else, and stays."""
        outputs, name = whole.get("outputs"), whole.get("id")
        if not isinstance(outputs, list):
            return whole
        place = CellPlace(index, name if isinstance(name, str) else None)
        return {
            **whole,
            "outputs": [one for one in outputs if keeps(place, _as_fields(one), whole)],
        }

    notebook = sift(None, removed.notebook)
    cells = tuple(
        replace(cell, fields=sift(CellPlace(index, cell.id), cell.fields))
        for index, cell in enumerate(removed.cells)
    )
    return Selected(Removed(notebook, cells) if left_out else removed, tuple(left_out))


def _are_cells(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(cell, dict) for cell in value)


def _as_fields(output: object) -> Fields:
    return output if isinstance(output, dict) else {"output": output}


def _is_big(cell: CellPlace | None, part: Fields, limit_bytes: int) -> LeftOut | None:
    size_bytes = len(json.dumps(part, separators=(",", ":")))
    return LeftOut(cell, (), size_bytes) if size_bytes > limit_bytes else None


def _iter_allowed(stripped: bytes) -> Iterator[int]:
    """Yield the places of the cells that have :data:`ALLOWING_TAG`."""
    try:
        notebook = parse_notebook(stripped)
    except ValueError:
        return
    for index, cell in enumerate(iter_cells(notebook)):
        if _is_allowing(cell):
            yield index


def _is_allowing(cell: Notebook) -> bool:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return isinstance(tags, list) and ALLOWING_TAG in tags
