"""Texts of a notebook in one piece, as it is in memory, and split at line ends, as files have them.

What is text and how it is split is nbformat's, which everything else that writes notebooks uses;
what nbformat leaves out of files, such as a cell's ``trusted``, is left out here. Whatever is no
notebook raises one of the errors in :data:`jupyter_mlops.notebooks.canonical.MALFORMED`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_MIME_OUTPUTS = frozenset({"execute_result", "display_data"})
_TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")

# What has lines in nbformat 3, in outputs and in cells without code.
_OLD_OUTPUT_TEXTS = ("text", "html", "svg", "latex", "javascript", "json")
_OLD_CELL_TEXTS = ("source", "rendered")


def join_lines(notebook: dict[str, Any]) -> None:
    """Put the texts of ``notebook``, as a file has it, into one piece each."""
    if notebook["nbformat"] < 4:
        for sheet in notebook["worksheets"]:
            for cell in sheet["cells"]:
                _join_old_cell(cell)
        return
    for cell in notebook["cells"]:
        _join_cell(cell)
    for key in _TRANSIENT:
        notebook["metadata"].pop(key, None)
    for cell in notebook["cells"]:
        cell["metadata"].pop("trusted", None)


def split_lines(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return ``notebook`` as a file has it; it shares with ``notebook`` what is equal in both."""
    if notebook["nbformat"] < 4:
        split = _without(notebook, "orig_nbformat", "orig_nbformat_minor")
        split["worksheets"] = _each(_split_sheet, notebook["worksheets"])
        return split
    return {
        **notebook,
        "metadata": _without(notebook["metadata"], *_TRANSIENT),
        "cells": _each(_split_cell, notebook["cells"]),
    }


def _split_sheet(sheet: dict[str, Any]) -> dict[str, Any]:
    return {**sheet, "cells": _each(_split_old_cell, sheet["cells"])}


def _join_cell(cell: dict[str, Any]) -> None:
    if isinstance(source := cell.get("source"), list):
        cell["source"] = "".join(source)
    for attachment in cell.get("attachments", {}).values():
        _join_bundle(attachment)
    if cell.get("cell_type") != "code":
        return
    for output in cell.get("outputs", []):
        kind = output.get("output_type", "")
        if kind in _MIME_OUTPUTS:
            _join_bundle(output.get("data", {}))
        elif kind and isinstance(text := output.get("text"), list):
            output["text"] = "".join(text)


def _split_cell(cell: dict[str, Any]) -> dict[str, Any]:
    split = {**cell, "metadata": _without(cell["metadata"], "trusted")}
    if isinstance(source := cell.get("source"), str):
        split["source"] = source.splitlines(True)
    if attachments := cell.get("attachments", {}):
        split["attachments"] = {
            name: _split_bundle(attachment) for name, attachment in attachments.items()
        }
    if cell["cell_type"] == "code":
        split["outputs"] = _each(_split_output, cell["outputs"])
    return split


def _split_output(output: dict[str, Any]) -> dict[str, Any]:
    kind = output["output_type"]
    if kind in _MIME_OUTPUTS and "data" in output:
        return {**output, "data": _split_bundle(output["data"])}
    if kind == "stream" and isinstance(text := output["text"], str):
        return {**output, "text": text.splitlines(True)}
    return output


def _join_bundle(bundle: dict[str, Any]) -> None:
    """Join the texts of a MIME bundle; lists in JSON types are no lines."""
    for kind, value in bundle.items():
        is_json = kind == "application/json" or (
            kind.startswith("application/") and kind.endswith("+json")
        )
        if isinstance(value, list) and not is_json and all(isinstance(one, str) for one in value):
            bundle[kind] = "".join(value)


def _split_bundle(bundle: dict[str, Any]) -> dict[str, Any]:
    return {
        kind: value.splitlines(True) if isinstance(value, str) and _has_lines(kind) else value
        for kind, value in bundle.items()
    }


def _has_lines(kind: str) -> bool:
    return kind.startswith("text/") or kind in ("application/javascript", "image/svg+xml")


def _join_old_cell(cell: dict[str, Any]) -> None:
    if cell["cell_type"] != "code":
        _join_old_texts(cell, _OLD_CELL_TEXTS)
        return
    if isinstance(source := cell.get("input"), list):
        cell["input"] = _join_old(source)
    for output in cell["outputs"]:
        _join_old_texts(output, _OLD_OUTPUT_TEXTS)


def _join_old_texts(fields: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if isinstance(text := fields.get(key), list):
            fields[key] = _join_old(text)


def _join_old(lines: list[str]) -> str:
    """Join lines; those of the oldest files have no line ends."""
    return ("" if lines and lines[0].endswith(("\n", "\r")) else "\n").join(lines)


def _split_old_cell(cell: dict[str, Any]) -> dict[str, Any]:
    split = _without(cell, "trusted")
    if "metadata" in cell:
        split["metadata"] = _without(cell["metadata"], "trusted")
    if cell["cell_type"] != "code":
        return _split_old_texts(split, _OLD_CELL_TEXTS)
    split["outputs"] = _each(_split_old_output, cell["outputs"])
    return _split_old_texts(split, ("input",))


def _split_old_output(output: dict[str, Any]) -> dict[str, Any]:
    return _split_old_texts(dict(output), _OLD_OUTPUT_TEXTS)


def _split_old_texts(fields: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    for key in keys:
        if isinstance(text := fields.get(key), str):
            fields[key] = text.splitlines(True)
    return fields


def _each(split: Callable[[dict[str, Any]], dict[str, Any]], items: Any) -> Any:
    """Return the list of ``items`` split; what is empty stays, of whatever type it is."""
    return [split(item) for item in items] or items


def _without(fields: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key not in keys}
