"""What stripping takes away from a notebook, as a value that is kept in the store and joined again.

The law that the Git filter rests on: for every notebook ``x`` that stripping made, and every
``payload`` whatsoever, stripping ``attach_outputs(x, payload)`` gives ``x`` again. The filter
checks it before it hands a notebook to Git.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.notebooks.canonical import (
    MALFORMED,
    Notebook,
    build_notebook,
    cell_source,
    format_notebook,
    iter_cells,
    parse_notebook,
)

FORMAT = 0
"""Version of the payload; docs/formats/outputs.md."""

CARRIED_AT = datetime(1970, 1, 1, tzinfo=UTC)
"""When outputs were made that a version has from runs of other versions: before every run."""

_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"

Fields = dict[str, Any]
"""Keys with the values that were removed or changed; a dict in both versions goes down a level."""


@dataclass(frozen=True, slots=True)
class RemovedCell:
    """What one cell lost: the cell's id (None before nbformat 4.5), its source, and the fields."""

    id: str | None
    source: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Removed:
    """What a notebook lost: its own fields, and those of each cell in document order.

    A cell that lost nothing is listed with no fields, so that cells without ids keep their place.
    """

    notebook: Fields
    cells: tuple[RemovedCell, ...]


def find_removed(before: Notebook, after: Notebook) -> Removed | None:
    """Return what ``after`` lacks of ``before``, or None when it lacks nothing.

    Cells that both have are in the same order; neither is changed. Where ``after`` lacks whole
    cells, all of them as they were are among the fields of the notebook, and none stands alone.
    """
    if _cell_counts(before) != _cell_counts(after):
        return Removed(_difference(before, after), ())
    top = _difference(_without_cells(before), _without_cells(after))
    cells = tuple(
        RemovedCell(_cell_id(new), _source_hash(new), _difference(old, new))
        for old, new in zip(iter_cells(before), iter_cells(after), strict=True)
    )
    if not top and not any(cell.fields for cell in cells):
        return None
    return Removed(top, cells)


class _Cell(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    source: str
    id: str | None = None
    fields: str = ""


class _Payload(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    created_at: str
    notebook: str
    cells: list[_Cell]


class _Head(msgspec.Struct):
    format: int


def encode_outputs(removed: Removed, created_at: datetime) -> bytes:
    """Return the payload that the store keeps; ``created_at`` is aware.

    One JSON object. Fields stand in it as JSON texts, since notebooks have numbers that JSON has
    not, ``NaN`` among them. The same ``removed`` gives the same bytes but for ``created_at``.
    """
    cells = [_Cell(cell.source, cell.id, _encode_fields(cell.fields)) for cell in removed.cells]
    moment = created_at.astimezone(UTC).strftime(_MOMENT)
    return msgspec.json.encode(_Payload(FORMAT, moment, _encode_fields(removed.notebook), cells))


def decode_outputs(payload: bytes) -> Removed:
    """Return the value that :func:`encode_outputs` encoded.

    Raises:
        IntegrityError: ``payload`` is not of this form (``outputs-invalid``).
        UnsupportedError: a newer version wrote it (``format-newer``).
    """
    try:
        version = msgspec.json.decode(payload, type=_Head).format
        if version == FORMAT:
            decoded = msgspec.json.decode(payload, type=_Payload)
            datetime.strptime(decoded.created_at, _MOMENT)
            if msgspec.json.encode(decoded) != payload:
                raise ValueError("another encoding of the same")
            cells = tuple(
                RemovedCell(cell.id, cell.source, _decode_fields(cell.fields))
                for cell in decoded.cells
            )
            return Removed(_decode_fields(decoded.notebook), cells)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(
            "The outputs that the store kept for a notebook are not readable.",
            code="outputs-invalid",
            hints=("jupyter mlops check --read-data",),
        ) from error
    raise UnsupportedError(
        f"The outputs that the store kept for a notebook are of format {version}, newer than "
        "this version of jupyter-mlops knows.",
        code="format-newer",
        hints=("pip install --upgrade jupyter-mlops",),
    )


def _encode_fields(fields: Fields) -> str:
    return json.dumps(fields, separators=(",", ":")) if fields else ""


def _decode_fields(text: str) -> Fields:
    if not text:
        return {}
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("fields are an object")
    return fields


_CREATED_AT = re.compile(rb'\{"format":\d+,"created_at":"[^"]*",')


def same_outputs(payload: bytes, other: bytes) -> bool:
    """Return whether two payloads keep the same outputs, whenever they were made."""
    ours, theirs = _CREATED_AT.match(payload), _CREATED_AT.match(other)
    if ours is None or theirs is None:
        return payload == other
    return payload[ours.end() :] == other[theirs.end() :]


def attach_outputs(stripped: bytes, removed: Removed) -> bytes:
    """Return the notebook ``stripped`` with what ``removed`` keeps for cells that it still has.

    A cell whose source differs gets nothing: cells are matched by id and source, those without an
    id by source and place. What is not a notebook is returned as it is.
    """
    try:
        notebook = parse_notebook(stripped)
        _merge(notebook, removed.notebook)
        for cell, fields in _match(list(iter_cells(notebook)), removed.cells):
            _merge(cell, fields)
        return format_notebook(build_notebook(notebook))
    except MALFORMED:
        return stripped


@dataclass(frozen=True, slots=True)
class DroppedCell:
    """A cell that a version lost as a whole, and the place of the last one before it that stayed.

    Places count the cells that stayed, from 0; it is -1 where none of them came before.
    """

    after: int
    cell: Notebook


@dataclass(frozen=True, slots=True)
class Run:
    """What a version lost: of each cell that stayed, in document order, and whole cells."""

    cells: tuple[RemovedCell, ...]
    dropped: tuple[DroppedCell, ...] = ()


def compare_cells(before: list[Notebook], after: list[Notebook]) -> Run:
    """Return what ``after``, which has some of the cells of ``before`` in order, lacks of them."""
    cells: list[RemovedCell] = []
    dropped: list[DroppedCell] = []
    for cell in before:
        stays = after[len(cells)] if len(cells) < len(after) else None
        if stays is not None and _identity(cell) == _identity(stays):
            lost = _difference(cell, stays)
            cells.append(RemovedCell(_cell_id(stays), _source_hash(stays), lost))
        else:
            dropped.append(DroppedCell(len(cells) - 1, cell))
    return Run(tuple(cells), tuple(dropped))


def attach_cells(stripped: bytes, runs: Iterable[Run], *, sides: int = 0) -> bytes:
    """Return the notebook ``stripped`` with what its cells lost in other versions of it.

    Each cell gets what the first of ``runs`` has that knows it; matched as in
    :func:`attach_outputs`. Whole cells that the first ``sides`` of them lost come back, each behind
    the one that it followed. No more of ``runs`` are taken than are needed.
    """
    try:
        notebook = parse_notebook(stripped)
        waiting = [cell for cell in iter_cells(notebook) if cell.get("cell_type") == "code"]
        places = {id(cell): place for place, cell in enumerate(iter_cells(notebook))}
        put_back: list[Notebook] = []
        for number, run in enumerate(runs, 1):
            known = _Known(run.cells)
            found = [(cell, known.find(cell, places[id(cell)])) for cell in waiting]
            for cell, fields in found:
                _merge(cell, fields or {})
            waiting = [cell for cell, fields in found if fields is None]
            if number <= sides and notebook["nbformat"] >= 4:
                _put_back(notebook["cells"], run, put_back)
            if not waiting and number >= sides:
                break
        return format_notebook(build_notebook(notebook))
    except MALFORMED:
        return stripped


def _put_back(cells: list[Notebook], run: Run, put_back: list[Notebook]) -> None:
    """Insert the cells that ``run`` dropped, behind those that were inserted there before."""
    for dropped in run.dropped:
        if any(_is_same(cell, _cell_id(dropped.cell), dropped.cell) for cell in cells):
            continue
        place = 0
        for lost in reversed(run.cells[: dropped.after + 1]):
            found = [
                at
                for at, cell in enumerate(cells, 1)
                if (_cell_id(cell) == lost.id if lost.id else _source_hash(cell) == lost.source)
            ]
            if found:
                place = found[0]
                break
        while place < len(cells) and any(cells[place] is one for one in put_back):
            place += 1
        cells.insert(place, dropped.cell)
        put_back.append(dropped.cell)


def _is_same(cell: Notebook, name: str | None, other: Notebook) -> bool:
    return _cell_id(cell) == name if name is not None else _identity(cell) == _identity(other)


def _identity(cell: Notebook) -> tuple[str | None, object, str, object]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return _cell_id(cell), cell.get("cell_type"), _source_hash(cell), tags


def _match(
    cells: list[Notebook], removed: tuple[RemovedCell, ...]
) -> list[tuple[Notebook, Fields]]:
    known = _Known(removed)
    found = ((cell, known.find(cell, place)) for place, cell in enumerate(cells))
    return [(cell, fields) for cell, fields in found if fields]


class _Known:
    """Finds what a cell lost, by its id and source, or else its place and source."""

    def __init__(self, removed: tuple[RemovedCell, ...]) -> None:
        self._by_id = {
            (lost.id, lost.source): lost.fields for lost in removed if lost.id is not None
        }
        self._by_place = {
            (place, lost.source): lost.fields
            for place, lost in enumerate(removed)
            if lost.id is None
        }

    def find(self, cell: Notebook, place: int) -> Fields | None:
        """Return the fields, empty where the cell lost none; None where it is not known."""
        name, source = _cell_id(cell), _source_hash(cell)
        if name is None:
            return self._by_place.get((place, source))
        return self._by_id.get((name, source))


def _cell_id(cell: Notebook) -> str | None:
    """Return the id; half of a surrogate pair, which no payload can hold, makes it none."""
    name = cell.get("id")
    return name if isinstance(name, str) and _SURROGATE.search(name) is None else None


def _source_hash(cell: Notebook) -> str:
    return format_hash(hash_bytes(cell_source(cell).encode("utf-8", "surrogatepass")))


def _cell_counts(notebook: Notebook) -> list[int]:
    sheets = [notebook] if notebook["nbformat"] >= 4 else notebook["worksheets"]
    return [len(sheet["cells"]) for sheet in sheets]


def _without_cells(notebook: Notebook) -> Notebook:
    return {key: value for key, value in notebook.items() if key not in ("cells", "worksheets")}


_ABSENT = object()
_SURROGATE = re.compile("[\ud800-\udfff]")


def _difference(before: Notebook, after: Notebook) -> Fields:
    """Return the fields of ``before`` that ``after`` lacks or has with another value."""
    fields: Fields = {}
    for key, value in before.items():
        kept = after.get(key, _ABSENT)
        if isinstance(value, dict) and isinstance(kept, dict):
            deeper = _difference(value, kept)
            if deeper:
                fields[key] = deeper
        elif kept is not value and kept != value:
            fields[key] = value
    return fields


def _merge(target: Notebook, fields: Fields) -> None:
    for key, value in fields.items():
        kept = target.get(key)
        if isinstance(kept, dict) and isinstance(value, dict):
            _merge(kept, value)
        else:
            target[key] = value
