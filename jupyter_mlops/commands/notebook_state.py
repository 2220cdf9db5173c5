"""Notebooks that Git holds with outputs, although they should be stripped."""

from __future__ import annotations

from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.listing import list_index
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.trees import open_blob_reader
from jupyter_mlops.notebooks.strip import carries_outputs, resolve_settings


def notebooks_with_outputs(repo: Repository) -> list[str]:
    """Return the notebooks in Git's index that carry outputs or counts, sorted."""
    blobs = {path: oid for path, oid in list_index(repo, "*.ipynb").items() if oid is not None}
    if not blobs:
        return []
    settings = resolve_settings(*read_nbstripout_settings(repo))
    with open_blob_reader(repo) as reader:
        contents = zip(blobs, reader.read_many(blobs.values()), strict=True)
        return [path for path, content in contents if carries_outputs(content, settings)]
