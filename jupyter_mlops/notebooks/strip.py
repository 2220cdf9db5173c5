"""Notebooks without what running them adds: outputs, execution counts, volatile metadata.

What is stripped is what ``nbstripout`` strips, with the defaults of its command line, its keep-tags
and the settings that its users have: byte for byte, which the tests see to. Where options are set,
its own function does it; without them it is done here, since loading nbformat and nbstripout takes
ten times as long as all else that a filter does. What is other: cell ids are kept, where it
renumbers them; each of several tags whose cells are dropped counts, where it takes the last; code
cells of nbformat 3 are no empty cells to be dropped; and what it would strip when it is called
again is stripped at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from jupyter_mlops.notebooks.canonical import (
    MALFORMED,
    CellPlace,
    Notebook,
    format_notebook,
    parse_notebook,
)
from jupyter_mlops.notebooks.nbstripout import DEFAULTS, Options, parse_command
from jupyter_mlops.notebooks.outputs import Removed, Run, compare_cells, find_removed
from jupyter_mlops.notebooks.parts import decode_parts

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
    """What is stripped beside outputs and counts, and which of these are kept.

    ``extra_keys`` are dotted keys such as ``cell.metadata.hidden``; ``options`` are those of
    nbstripout's command line, whose own keys are among ``extra_keys`` already.
    """

    extra_keys: tuple[str, ...] = _DEFAULT_EXTRA_KEYS
    options: Options = DEFAULTS

    @property
    def drops_cells(self) -> bool:
        """Whether cells are stripped as a whole."""
        return bool(self.options.drop_tagged_cells or self.options.drop_empty_cells)

    @property
    def keeps_outputs(self) -> bool:
        """Whether there are outputs that are kept without a word of the notebook's."""
        chosen = self.options
        return bool(chosen.keep_output or chosen.keep_output_types or chosen.max_size)


_DEFAULT_SETTINGS = StripSettings()


def resolve_settings(
    extra_keys: str = "", keep_metadata_keys: str = "", command: str = ""
) -> StripSettings:
    """Return the settings that users of ``nbstripout`` have in Git's configuration.

    Args:
        extra_keys: the value of ``filter.nbstripout.extrakeys``, keys between blanks. One that
            does not begin with ``metadata.`` or ``cell.`` strips nothing.
        keep_metadata_keys: the value of ``filter.nbstripout.keepmetadatakeys``.
        command: the value of ``filter.nbstripout.clean``, whose options count as well.
    """
    options = parse_command(command)
    extra = (*_DEFAULT_EXTRA_KEYS, *extra_keys.split(), *options.extra_keys)
    kept = {*keep_metadata_keys.split(), *options.keep_metadata_keys}
    keys = (key for key in dict.fromkeys(extra) if key not in kept)
    return StripSettings(
        tuple(key for key in keys if key.startswith(("metadata.", "cell."))),
        replace(options, extra_keys=(), keep_metadata_keys=()),
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
        after = _strip_parsed(before, settings)
        stripped = format_notebook(after)
        if after["nbformat"] < 4 and format_notebook(parse_notebook(stripped)) != stripped:
            # nbformat 3 joins lines differently from how it splits them, at rare line ends.
            raise ValueError("has line ends that nbformat 3 cannot keep")
    except ValueError as error:
        return Stripped(data, problem=str(error))
    return Stripped(stripped, find_removed(before, after))


def divide_removed(removed: Removed, settings: StripSettings) -> Run:
    """Return what the cells lost, and which were lost as a whole, as ``settings`` say today."""
    cells = removed.notebook.get("cells")
    if removed.cells or not isinstance(cells, list):
        return Run(removed.cells)
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    try:
        return compare_cells(cells, _strip_parsed(whole, settings)["cells"])
    except MALFORMED:
        return Run(())


def _strip_parsed(notebook: Notebook, settings: StripSettings) -> Notebook:
    """Return ``notebook`` stripped; it shares with ``notebook`` what stays.

    Some settings take away what keeps outputs, a tag say: then until nothing changes any more.
    """
    stripped = _strip_once(notebook, settings)
    if settings != _DEFAULT_SETTINGS:
        while (again := _strip_once(stripped, settings)) != stripped:
            stripped = again
    return stripped


def _strip_once(notebook: Notebook, settings: StripSettings) -> Notebook:
    try:
        if settings.options != DEFAULTS:
            return _strip_by_nbstripout(notebook, settings)
        metadata = notebook["metadata"]
        keep_output = bool(metadata.get("keep_output"))
        for key in _subkeys(settings, "metadata."):
            metadata = _without(metadata, key)
        keys = _subkeys(settings, "cell.")

        def strip_cells(cells: Any) -> Any:
            return [_strip_cell(cell, keep_output, keys) for cell in cells] or cells

        if notebook["nbformat"] >= 4:
            return {**notebook, "metadata": metadata, "cells": strip_cells(notebook["cells"])}
        sheets = notebook["worksheets"]
        stripped = [{**sheet, "cells": strip_cells(sheet["cells"])} for sheet in sheets]
        return {**notebook, "metadata": metadata, "worksheets": stripped or sheets}
    except MALFORMED as error:
        if isinstance(error, _ContradictionError):
            raise
        raise ValueError("is JSON, but its cells are not a notebook's") from error


def _strip_by_nbstripout(notebook: Notebook, settings: StripSettings) -> Notebook:
    from nbformat import from_dict
    from nbstripout import MetadataError, strip_output

    options = settings.options
    stripped: Notebook = from_dict(notebook)
    try:
        for tags in [[tag] for tag in options.drop_tagged_cells] or [[]]:
            stripped = strip_output(
                stripped,
                keep_output=options.keep_output or None,
                keep_count=options.keep_count,
                keep_id=True,
                extra_keys=list(settings.extra_keys),
                drop_empty_cells=options.drop_empty_cells and notebook["nbformat"] >= 4,
                drop_tagged_cells=tags,
                strip_init_cells=options.strip_init_cells,
                drop_output_types=set(options.drop_output_types),
                keep_output_types=set(options.keep_output_types),
                max_size=options.max_size,
            )
    except MetadataError as error:
        raise _ContradictionError from error
    return stripped


class _ContradictionError(ValueError):
    def __init__(self) -> None:
        super().__init__("has a cell both tagged and marked not to keep its output")


def _subkeys(settings: StripSettings, beginning: str) -> tuple[str, ...]:
    keys = settings.extra_keys
    return tuple(key.removeprefix(beginning) for key in keys if key.startswith(beginning))


def _strip_cell(cell: Notebook, keep_output: bool, keys: tuple[str, ...]) -> Notebook:
    stripped = dict(cell)
    if "outputs" in cell:
        kept = cell["outputs"]
        if not _keeps_all(cell, keep_output):
            kept = [output for output in kept if not _says_anything(output)]
        if isinstance(kept, list):
            kept = [_without_count(output) for output in kept]
        stripped["outputs"] = kept
    stripped.update({key: None for key in ("prompt_number", "execution_count") if key in cell})
    for key in keys:
        stripped = _without(stripped, key)
    return stripped


def _keeps_all(cell: Notebook, default: bool) -> bool:
    """Return whether the outputs of ``cell`` stay, by its metadata and tags if they say.

    Raises:
        ValueError: they say both.
    """
    if "metadata" not in cell:
        return default
    metadata = cell["metadata"]
    if "init_cell" in metadata:
        return bool(metadata["init_cell"])
    marked, tagged = metadata.get("keep_output"), "keep_output" in metadata.get("tags", [])
    if tagged and "keep_output" in metadata and not marked:
        raise _ContradictionError
    return bool(marked or tagged) if tagged or "keep_output" in metadata else default


def _says_anything(output: object) -> bool:
    """Return whether anything stands in ``output``; what is empty, nbstripout lets stay."""
    if isinstance(output, dict):
        return any(map(_says_anything, output.values()))
    if isinstance(output, list):
        return any(map(_says_anything, output))
    return output != ""


def _without_count(output: Any) -> Any:
    return {**output, "execution_count": None} if "execution_count" in output else output


def _without(fields: Any, key: str) -> Any:
    """Return ``fields`` without the dotted ``key``: a field of that name, or one further down."""
    if not isinstance(fields, dict):
        return fields
    if key in fields:
        return {name: value for name, value in fields.items() if name != key}
    head, dot, tail = key.partition(".")
    if not dot or head not in fields:
        return fields
    inner = _without(fields[head], tail)
    return fields if inner is fields[head] else {**fields, head: inner}


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


def carries_outputs(data: bytes, settings: StripSettings = _DEFAULT_SETTINGS) -> bool:
    """Return whether the notebook ``data`` has outputs or counts that :func:`strip` would remove.

    As fast as :func:`find_unstripped`, and only as thorough.
    """
    return bool(find_unstripped(data, settings))


def find_unstripped(data: bytes, settings: StripSettings = _DEFAULT_SETTINGS) -> list[CellPlace]:
    """Return the cells of the notebook ``data`` whose outputs or count :func:`strip` would remove.

    Fast and only that: metadata is not looked at, nor are outputs where settings keep some, and a
    file that is not a notebook of version 4 has none.
    """
    try:
        notebook = decode_parts(data, _Cells)
    except (ValueError, RecursionError):
        return []
    counts, outputs = not settings.options.keep_count, not settings.keeps_outputs
    return [
        CellPlace(index, cell.id if isinstance(cell.id, str) else None)
        for index, cell in enumerate(notebook.cells)
        if (counts and cell.execution_count is not None)
        or (outputs and cell.outputs and not _keeps_output(cell, notebook))
    ]


def _keeps_output(cell: _Cell, notebook: _Cells) -> bool:
    metadata = cell.metadata
    tagged = isinstance(metadata.tags, list) and "keep_output" in metadata.tags
    return bool(
        tagged or metadata.init_cell or metadata.keep_output or notebook.metadata.keep_output
    )
