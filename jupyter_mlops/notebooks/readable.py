"""Notebooks as a person reads them: cells, their sources, and the metadata that someone set.

What running or opening a notebook writes is left out: outputs, counts, times, versions. Git starts
this once a file, so it reads JSON by itself: nbformat takes a second to import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jupyter_mlops.text import visible

if TYPE_CHECKING:
    from jupyter_mlops.notebooks.canonical import Notebook

MARK = "── "
"""What a line that begins a cell, in the readable form, begins with."""

FIELD_MARK = "· "
"""What a line of metadata begins with there."""

# Keys that programs write while a notebook is run or shown. Those of nbstripout are among them.
_OF_NOTEBOOK = (
    "metadata.signature",
    "metadata.widgets",
    "metadata.papermill",
    "metadata.colab",
    "metadata.toc",
    "metadata.vscode",
    "metadata.orig_nbformat",
    "metadata.language_info.codemirror_mode",
    "metadata.language_info.file_extension",
    "metadata.language_info.mimetype",
    "metadata.language_info.nbconvert_exporter",
    "metadata.language_info.pygments_lexer",
    "metadata.language_info.version",
)
_OF_CELL = (
    "cell.metadata.collapsed",
    "cell.metadata.ExecuteTime",
    "cell.metadata.execution",
    "cell.metadata.executionInfo",
    "cell.metadata.heading_collapsed",
    "cell.metadata.hidden",
    "cell.metadata.id",
    "cell.metadata.outputId",
    "cell.metadata.papermill",
    "cell.metadata.scrolled",
    "cell.metadata.trusted",
)
_LONGEST_VALUE = 200


class ReadableNotebook(NamedTuple):
    """``fields`` are metadata by dotted key, as one line each; so are those of each cell.

    Each cell has ``cell_type``, ``source`` in one piece and, where the file has one, ``id``.
    """

    fields: Mapping[str, str]
    cells: Sequence[Notebook]
    cell_fields: Sequence[Mapping[str, str]]


EMPTY = ReadableNotebook({}, (), ())
"""What there is of a notebook before it is added and after it is removed."""


def read_notebook(data: bytes, extra_keys: Iterable[str] = ()) -> ReadableNotebook:
    """Return what a person reads of the notebook whose file has the bytes ``data``.

    Of a notebook that is not valid, what can be read is read. ``extra_keys`` are dotted keys, as
    nbstripout has them, that are left out as well. An empty file has no cells.

    Raises:
        ValueError: ``data`` is no notebook; the text says why, to be put behind the file's name.
    """
    if not data.strip():
        return EMPTY
    try:
        tree = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    try:
        return _read_tree(tree, tuple(extra_keys))
    except RecursionError as error:
        raise ValueError("is JSON, but nested too deeply") from error


def format_readable(notebook: ReadableNotebook) -> str:
    """Return ``notebook`` as text for line-wise comparison: a line for each cell, then its source.

    Control characters are written out. The text is empty where there is nothing.
    """
    lines = []
    if notebook.fields:
        lines += [f"{MARK}notebook", *_format_fields(notebook.fields), ""]
    for cell, fields in zip(notebook.cells, notebook.cell_fields, strict=True):
        lines += [MARK + name_cell(cell), *_format_fields(fields)]
        for line in source_lines(cell):
            text = visible(line, keep_lines=True)
            lines.append("\\" + text if text.startswith((MARK, FIELD_MARK)) else text)
        lines.append("")
    return "".join(line + "\n" for line in lines)


def name_cell(cell: Notebook) -> str:
    """Return the kind of ``cell`` and its id, where it has one, as one line."""
    name = cell.get("id")
    kind = visible(str(cell["cell_type"]))
    return f"{kind} {visible(name)}" if isinstance(name, str) and name else kind


def source_lines(cell: Notebook) -> list[str]:
    """Return the lines of a cell's source without their ends; an empty source has none."""
    source: str = cell["source"]
    lines = source.split("\n")
    return lines if lines != [""] else []


def _read_tree(tree: object, extra_keys: tuple[str, ...]) -> ReadableNotebook:
    if not isinstance(tree, dict):
        raise ValueError("is JSON, but not a notebook")
    found = [cell for cell in _iter_raw_cells(tree) if isinstance(cell, dict)]
    if not found and not isinstance(tree.get("cells", tree.get("worksheets")), list):
        raise ValueError("is JSON, but not a notebook")
    fields = {}
    if "nbformat" in tree:
        version = (_as_line(tree.get(name)) for name in ("nbformat", "nbformat_minor"))
        fields["nbformat"] = ".".join(version)
    fields |= _read_fields(tree.get("metadata"), (*_OF_NOTEBOOK, *extra_keys), "metadata.")
    return ReadableNotebook(
        fields,
        [_read_cell(cell) for cell in found],
        [
            _read_fields(cell.get("metadata"), (*_OF_CELL, *extra_keys), "cell.metadata.")
            | dict(_iter_attachments(cell.get("attachments")))
            for cell in found
        ],
    )


def _format_fields(fields: Mapping[str, str]) -> list[str]:
    return [
        f"{FIELD_MARK}{visible(key)}: {visible(value)}" for key, value in sorted(fields.items())
    ]


def _iter_raw_cells(tree: Notebook) -> Iterator[object]:
    """Yield the cells of any version; before nbformat 4 they are in worksheets."""
    cells = tree.get("cells")
    if isinstance(cells, list):
        yield from cells
    sheets = tree.get("worksheets")
    for sheet in sheets if isinstance(sheets, list) else ():
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list):
            yield from sheet["cells"]


def _read_cell(cell: Notebook) -> Notebook:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(part, str) for part in source):
        source = "".join(source)
    kind = cell.get("cell_type")
    read = {
        "cell_type": kind if isinstance(kind, str) else "cell",
        "source": source if isinstance(source, str) else _as_json(source),
    }
    return read | ({"id": cell["id"]} if isinstance(cell.get("id"), str) else {})


def _read_fields(metadata: object, left_out: Sequence[str], prefix: str) -> dict[str, str]:
    """Return the leaves of ``metadata`` but for the keys ``left_out``, by dotted key."""
    if not isinstance(metadata, dict) or not metadata:
        return {}
    dropped = {key.removeprefix(prefix) for key in left_out if key.startswith(prefix)}
    return dict(_iter_leaves(metadata, "", dropped))


def _iter_leaves(
    metadata: Mapping[str, Any], prefix: str, dropped: set[str]
) -> Iterator[tuple[str, str]]:
    for key, value in metadata.items():
        name = prefix + key
        if name in dropped:
            continue
        if isinstance(value, dict) and value:
            yield from _iter_leaves(value, f"{name}.", dropped)
        elif value not in ({}, []):
            yield name, _as_line(value)


def _iter_attachments(attachments: object) -> Iterator[tuple[str, str]]:
    """Yield each attached file with its kind, its size and the beginning of its hash."""
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for kind, content in bundle.items() if isinstance(bundle, dict) else ():
            text = content if isinstance(content, str) else _as_json(content)
            encoded = text.encode("utf-8", "surrogatepass")
            digest = hashlib.sha256(encoded).hexdigest()[:12]
            yield f"attachment {name}", f"{kind}, {len(encoded)} bytes in base64, {digest}"


def _as_line(value: object) -> str:
    """Return a value of metadata as one line; a list of words as words."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else _as_json(value)
    if len(text) <= _LONGEST_VALUE:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{text[:_LONGEST_VALUE]}… ({len(text)} characters, {digest})"


def _as_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
