"""Notebooks without what running them adds: outputs, execution counts, volatile metadata.

What is stripped is what ``nbstripout`` strips: its own function does it, with the defaults of its
command line, its keep-tags and the keys of its section in Git's configuration. Cell ids are kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec

from jupyter_mlops.notebooks.canonical import (
    MALFORMED,
    CellPlace,
    Notebook,
    format_notebook,
    parse_notebook,
)
from jupyter_mlops.notebooks.outputs import Removed, find_removed

# They stand in nbstripout's command line only (nbstripout 0.9.1, _nbstripout.py, main).
_DEFAULT_EXTRA_KEYS = (
    "metadata.signature",
    "metadata.widgets",
    "cell.metadata.collapsed",
    "cell.metadata.ExecuteTime",
    "cell.metadata.execution",
    "cell.metadata.heading_collapsed",
    "cell.metadata.hidden",
    "cell.metadata.scrolled",
)


@dataclass(frozen=True, slots=True)
class StripSettings:
    """What is stripped beside outputs and counts: dotted keys such as ``cell.metadata.hidden``."""

    extra_keys: tuple[str, ...] = _DEFAULT_EXTRA_KEYS


def resolve_settings(extra_keys: str = "", keep_metadata_keys: str = "") -> StripSettings:
    """Return the settings that ``nbstripout`` takes from Git's configuration.

    Args:
        extra_keys: the value of ``filter.nbstripout.extrakeys``, keys between blanks. One that
            does not begin with ``metadata.`` or ``cell.`` strips nothing.
        keep_metadata_keys: the value of ``filter.nbstripout.keepmetadatakeys``.
    """
    kept = keep_metadata_keys.split()
    keys = dict.fromkeys((*_DEFAULT_EXTRA_KEYS, *extra_keys.split()))
    return StripSettings(
        tuple(key for key in keys if key not in kept and key.startswith(("metadata.", "cell.")))
    )


@dataclass(frozen=True, slots=True)
class Stripped:
    """A notebook for Git.

    ``notebook`` is its canonical bytes, or the very bytes given when ``problem`` says why the
    file could not be stripped. ``removed`` is what Git would lose, None when there is nothing.
    """

    notebook: bytes
    removed: Removed | None = None
    problem: str | None = None


def strip(data: bytes, settings: StripSettings) -> Stripped:
    """Return the notebook ``data`` stripped; stripping the result again changes nothing.

    An empty file stays as it is. So does one that is no notebook, a half-merged one with conflict
    markers among them: ``problem`` then completes a sentence that begins with the file's name.
    """
    if not data.strip():
        return Stripped(data)
    try:
        before = parse_notebook(data)
        notebook = _strip_parsed(parse_notebook(data), settings)
        stripped = format_notebook(notebook)
        if notebook["nbformat"] < 4 and format_notebook(parse_notebook(stripped)) != stripped:
            # nbformat 3 joins lines differently from how it splits them, at rare line ends.
            raise ValueError("has line ends that nbformat 3 cannot keep")
    except ValueError as error:
        return Stripped(data, problem=str(error))
    return Stripped(stripped, find_removed(before, notebook))


def _strip_parsed(notebook: Notebook, settings: StripSettings) -> Notebook:
    """Strip ``notebook`` itself and return it."""
    from nbstripout import MetadataError, strip_output

    try:
        stripped: Notebook = strip_output(
            notebook,
            keep_output=None,
            keep_count=False,
            keep_id=True,
            extra_keys=list(settings.extra_keys),
        )
    except MetadataError as error:
        raise ValueError("has a cell both tagged and marked not to keep its output") from error
    except MALFORMED as error:
        raise ValueError("is JSON, but its cells are not a notebook's") from error
    return stripped


class _Metadata(msgspec.Struct):
    tags: object = ()
    keep_output: object = False
    init_cell: object = False


class _Cell(msgspec.Struct):
    id: object = None
    outputs: object = ()
    execution_count: object = None
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)


class _NotebookMetadata(msgspec.Struct):
    keep_output: object = False


class _Cells(msgspec.Struct):
    cells: list[_Cell]
    metadata: _NotebookMetadata = msgspec.field(default_factory=_NotebookMetadata)


def carries_outputs(data: bytes) -> bool:
    """Return whether the notebook ``data`` has outputs or counts that :func:`strip` would remove.

    As fast as :func:`find_unstripped`, and only as thorough.
    """
    return bool(find_unstripped(data))


def find_unstripped(data: bytes) -> list[CellPlace]:
    """Return the cells of the notebook ``data`` whose outputs or count :func:`strip` would remove.

    Fast (it loads neither nbformat nor nbstripout) and only that: metadata is not looked at, and
    a file that is not a notebook of version 4 has none.
    """
    try:
        notebook = _decode_cells(data)
    except (ValueError, RecursionError):
        return []
    return [
        CellPlace(index, cell.id if isinstance(cell.id, str) else None)
        for index, cell in enumerate(notebook.cells)
        if cell.execution_count is not None or (cell.outputs and not _keeps_output(cell, notebook))
    ]


def _decode_cells(data: bytes) -> _Cells:
    try:
        return msgspec.json.decode(data, type=_Cells)
    except msgspec.DecodeError:  # NaN is no JSON to msgspec, but stands in many a figure's output
        return msgspec.convert(json.loads(data), _Cells)


def _keeps_output(cell: _Cell, notebook: _Cells) -> bool:
    metadata = cell.metadata
    tagged = isinstance(metadata.tags, list) and "keep_output" in metadata.tags
    return bool(
        tagged or metadata.init_cell or metadata.keep_output or notebook.metadata.keep_output
    )
