"""A notebook's bytes as nbconvert takes them, or why they are none."""

from __future__ import annotations

import json
import warnings

from nbformat import NotebookNode, from_dict
from nbformat.validator import iter_validate, normalize

from jupyter_mlops.notebooks.canonical import MALFORMED, parse_notebook
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.notebook_rules import find_invalid, find_outdated

_CURRENT = 4


def parse_checked(name: str, content: bytes) -> NotebookNode | Finding:
    """Return the notebook of nbformat 4 that ``content`` is, or the finding that it is none.

    Ids that cells lack are made, as nbconvert makes them; ``name`` is the notebook's.
    """
    if not content.strip():
        return find_invalid(name, "is empty")
    try:
        version = json.loads(content).get("nbformat")
    except MALFORMED:
        version = None
    if isinstance(version, int) and 0 < version < _CURRENT:
        return find_outdated(name, version)
    try:
        notebook = parse_notebook(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of ids that are missing or not unique
            _, notebook = normalize(notebook)
        error = next(iter_validate(notebook, relax_add_props=True), None)
        if error is None:
            checked: NotebookNode = from_dict(notebook)
            return checked
    except ValueError as problem:
        return find_invalid(name, str(problem))
    except MALFORMED:
        return find_invalid(name, "is JSON, but its cells are not a notebook's")
    lines = str(error).splitlines()
    return find_invalid(name, f"does not follow its format: {lines[0] if lines else 'unknown'}")
