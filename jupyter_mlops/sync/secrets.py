"""Outputs that look like secrets and are about to leave this machine."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from jupyter_mlops.errors import IntegrityError, UnsupportedError
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_blob_reader, open_tree
from jupyter_mlops.ids import Hash, hash_bytes
from jupyter_mlops.notebooks.kept import LeftOut, find_secret_cells
from jupyter_mlops.notebooks.outputs import decode_outputs
from jupyter_mlops.objects.outputs import read_outputs
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.roots import Roots


@dataclass(frozen=True, slots=True)
class HeldBack:
    """Outputs that are not sent, the notebook they belong to, and where they look like secrets.

    ``notebook`` is its path at HEAD, or the blob's id where HEAD has it otherwise.
    """

    id: Hash
    notebook: str
    where: tuple[LeftOut, ...]


def find_held_back(handles: Handles, roots: Roots, ids: Iterable[Hash]) -> list[HeldBack]:
    """Return which of the outputs under ``ids`` look like secrets that no cell's tag allows.

    Args:
        handles: the project.
        roots: what is pushed; the notebooks that the outputs belong to are among it.
        ids: the names of the outputs.
    """
    suspicious = {}
    for id in ids:
        with suppress(IntegrityError, UnsupportedError):
            payload = read_outputs(handles.store, id)
            removed = decode_outputs(payload) if payload is not None else None
            if removed is not None and find_secret_cells(b"", removed):
                suspicious[id] = removed
    if not suspicious:
        return []
    at = head(handles.git).commit
    entries = open_tree(handles.git, at).entries if at is not None else {}
    paths = {entry.oid: path for path, entry in entries.items()}
    held = []
    with open_blob_reader(handles.git) as reader:
        blobs = zip(roots.notebooks, reader.read_many(roots.notebooks), strict=True)
        for oid, notebook in blobs:
            removed = suspicious.pop(hash_bytes(notebook), None)
            where = find_secret_cells(notebook, removed) if removed is not None else ()
            if where:
                held.append(HeldBack(hash_bytes(notebook), paths.get(oid, oid[:10]), where))
    return held
