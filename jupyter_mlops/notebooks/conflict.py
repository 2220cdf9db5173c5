"""Conflicts that stand in notebooks: marks around the lines in which two versions differ."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from jupyter_mlops.formats.conflict import MARK_BYTES
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.parts import decode_parts

MARK_BEGIN = "<" * MARK_BYTES
"""What stands in every file in which :func:`find_marked` finds something."""

_BEGIN = re.compile(r"<{7,} ")
_MIDDLE = re.compile(r"={7,}$")
_END = re.compile(r">{7,} ")


def join_sources(
    ours: str, theirs: str, *, notes: tuple[str, str] = ("", ""), mark_bytes: int = MARK_BYTES
) -> str:
    """Return two versions of a source as one, each whole between marks as Git sets them.

    ``notes`` say something of each side, behind its name.
    """
    begin, middle, end = (mark * mark_bytes for mark in "<=>")
    labels = [
        f"{side}: {note}" if note else side
        for side, note in zip(("ours", "theirs"), notes, strict=True)
    ]
    parts = [f"{begin} {labels[0]}", ours, middle, theirs, f"{end} {labels[1]}"]
    return "\n".join(part.removesuffix("\n") for part in parts if part)


def is_marked(source: str) -> bool:
    """Return whether marks of a conflict stand in ``source``: all of one, in their order."""
    if MARK_BEGIN not in source:
        return False
    awaited = [_BEGIN, _MIDDLE, _END]
    for line in source.splitlines():
        if awaited[0].match(line):
            awaited.pop(0)
            if not awaited:
                return True
    return False


class _Cell(msgspec.Struct):
    source: object = ""
    id: object = None


class _Cells(msgspec.Struct):
    cells: list[_Cell]


def find_marked(data: bytes) -> list[CellPlace]:
    """Return the cells of the notebook ``data`` in which marks of a conflict stand.

    Fast where there are none. A file that is not a notebook of version 4 has none.
    """
    if MARK_BEGIN.encode() not in data:
        return []
    try:
        notebook = decode_parts(data, _Cells)
    except (ValueError, RecursionError):
        return []
    return [
        CellPlace(index, cell.id if isinstance(cell.id, str) else None)
        for index, cell in enumerate(notebook.cells)
        if is_marked(_join_lines(cell.source))
    ]


def _join_lines(source: Any) -> str:
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""
