"""A notebook's bytes as checks take them, or why they are none."""

from __future__ import annotations

import json
import warnings
from typing import Any

from jupyter_mlops.notebooks.canonical import MALFORMED, Notebook, parse_notebook
from jupyter_mlops.notebooks.schema import find_fault
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.notebook_rules import find_invalid, find_outdated

_CURRENT = 4


def parse_checked(name: str, content: bytes) -> Notebook | Finding:
    """Return the notebook of nbformat 4 that ``content`` is, or the finding that it is none.

    ``name`` is the notebook's.
    """
    if not content.strip():
        return find_invalid(name, "is empty")
    try:
        notebook = parse_notebook(content)
    except ValueError as problem:
        version = _read_version(content)
        if version is not None and 0 < version < _CURRENT:
            return find_outdated(name, version)
        return find_invalid(name, str(problem))
    if notebook["nbformat"] != _CURRENT:
        return find_outdated(name, notebook["nbformat"])
    fault = find_fault(content)
    if fault is not None:
        return find_invalid(name, f"does not follow its format: {fault}")
    return notebook


def make_runnable(notebook: Notebook) -> Any:
    """Return ``notebook`` as nbformat and nbclient have it; ids that cells lack are made."""
    from nbformat import from_dict
    from nbformat.validator import normalize

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ids that are missing or not unique
        _, made = normalize(notebook)
    return from_dict(made)


def _read_version(content: bytes) -> int | None:
    try:
        version = json.loads(content).get("nbformat")
    except MALFORMED:
        return None
    return version if isinstance(version, int) else None
