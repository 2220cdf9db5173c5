"""Notebooks that Git holds with outputs, although they should be stripped."""

from __future__ import annotations

import json

from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.trees import open_blob_reader


def notebooks_with_outputs(ws: Workspace) -> list[str]:
    """Return the notebooks in Git's index that carry outputs or execution counts, sorted."""
    listed = list_index(ws.git, "*.ipynb")
    blobs = {path: oid for path, oid in listed.items() if oid is not None}
    if not blobs:
        return []
    with open_blob_reader(ws.git) as reader:
        contents = reader.read_many(blobs.values())
        return [path for path, content in zip(blobs, contents, strict=True) if _carries(content)]


def _carries(content: bytes) -> bool:
    try:
        notebook = json.loads(content)
        cells = notebook["cells"]
        return any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
