"""Notebook files as Jupyter writes them: equal notebooks are equal bytes."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jupyter_mlops.notebooks.splitting import join_lines, split_lines

Notebook = dict[str, Any]
"""A notebook or cell in memory: what its JSON holds, with texts in one piece."""


@dataclass(frozen=True, slots=True)
class CellPlace:
    """Which cell of a notebook: its place among all cells, from 0, and its id if it has one."""

    index: int
    id: str | None


_VERSIONS = (3, 4)
_COUNT_LIMIT = 2**53
_SHOWN_LETTERS = 40

# What is raised for JSON that is no notebook, whose parts are used without a look at their types.
MALFORMED = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


def parse_notebook(data: bytes) -> Notebook:
    """Return the notebook whose file has the bytes ``data``, in its own nbformat version.

    Nothing is upgraded, repaired or invented: a cell without an id stays without.

    Raises:
        ValueError: ``data`` is not a notebook that can be read; the text says why, to be put
            behind the file's name.
    """
    if data.startswith(codecs.BOM_UTF8):
        raise ValueError("begins with a byte order mark, with which no program reads it as JSON")
    try:
        tree = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    return build_notebook(tree)


def build_notebook(tree: object) -> Notebook:
    """Return the notebook that ``tree``, decoded from JSON, is; ``tree`` itself becomes it.

    Raises:
        ValueError: as :func:`parse_notebook`.
    """
    if not isinstance(tree, dict) or not ("cells" in tree or "worksheets" in tree):
        raise ValueError("is JSON, but not a notebook")
    version = tree.get("nbformat")
    if version not in _VERSIONS:
        shown = repr(version)[:_SHOWN_LETTERS]
        raise ValueError(f"is a notebook of version {shown}, and only 3 and 4 are known")
    try:
        join_lines(tree)
    except MALFORMED as error:
        raise ValueError("is JSON, but its cells are not a notebook's") from error
    return tree


def format_notebook(notebook: Notebook) -> bytes:
    """Return the bytes of the file that nbformat writes for ``notebook``, which is not changed.

    That is an indent of 1, sorted keys, texts split at line ends, one line feed at the end, and
    UTF-8; of nbformat 3, ASCII.

    Raises:
        ValueError: a part that must be written is missing or of another type.
    """
    try:
        tree = split_lines(notebook)
        text = _encode(tree, ascii=notebook["nbformat"] < 4)
        if not text.isascii() and not _is_encodable(text):
            text = _encode(tree, ascii=True)
    except MALFORMED as error:
        raise ValueError("is JSON, but its cells are not a notebook's") from error
    return text.encode("utf-8") + b"\n"


def _encode(tree: Notebook, *, ascii: bool) -> str:
    return json.dumps(tree, indent=1, sort_keys=True, separators=(",", ": "), ensure_ascii=ascii)


def _is_encodable(text: str) -> bool:
    """Return whether ``text`` has no half of a surrogate pair, which only an escape can say."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def iter_cells(notebook: Notebook) -> Iterator[Notebook]:
    """Yield every cell of ``notebook`` in document order, also of nbformat 3's worksheets."""
    if notebook["nbformat"] >= 4:
        yield from notebook["cells"]
    else:
        for sheet in notebook["worksheets"]:
            yield from sheet["cells"]


def iter_counts(notebook: Notebook) -> Iterator[tuple[CellPlace, int]]:
    """Yield each cell of ``notebook`` that says when it ran, with its execution count.

    A number that no kernel counts to is none.
    """
    for index, cell in enumerate(iter_cells(notebook)):
        count = cell.get("execution_count")
        is_code = cell.get("cell_type") == "code"
        if is_code and isinstance(count, int) and 0 <= count < _COUNT_LIMIT:
            yield CellPlace(index, cell.get("id")), count


def cell_source(cell: Notebook) -> str:
    """Return what a person typed in ``cell``; nbformat 3 calls it ``input`` in code cells."""
    source = cell.get("source", cell.get("input", ""))
    return source if isinstance(source, str) else json.dumps(source)
