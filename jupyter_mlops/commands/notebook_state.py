"""Notebooks as Git has them: with outputs or marks of a conflict, or such as only look changed."""

from __future__ import annotations

from jupyter_mlops.commands.workspace import read_config_for_git
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.git.launcher import FILTER, read_nbstripout_settings
from jupyter_mlops.git.listing import list_holding, list_index
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.settling import settle_unchanged
from jupyter_mlops.git.trees import open_blob_reader, open_tree
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.conflict import MARK_BEGIN, find_marked
from jupyter_mlops.notebooks.strip import carries_outputs, resolve_settings
from jupyter_mlops.snapshots.handles import open_project_store
from jupyter_mlops.snapshots.kept_outputs import find_not_kept

_PATTERN = "*.ipynb"
_TOLD = "jupyter-mlops: "


def settle_notebooks(repo: Repository, *, kept_in: str | None = None) -> tuple[str, ...]:
    """Let notebooks that were run and not edited count as unchanged, for Git's own commands too.

    Their outputs are kept first. Where that cannot be done now it is left for later, silently. One
    whose outputs are not kept stays modified, so that Git does not write over it unasked.

    Args:
        repo: the repository.
        kept_in: a commit that has the notebooks as they are on disk.

    Returns:
        What the filter said, a sentence each: of outputs that are not kept, say.
    """
    try:
        if not read_config_for_git(repo).config.notebooks.keep_outputs:
            return ()

        def choose(paths: list[str]) -> list[str]:
            not_kept = set(find_not_kept(repo, open_project_store(repo), paths))
            return [path for path in paths if path not in not_kept]

        settled = settle_unchanged(repo, _PATTERN, driver=FILTER, choose=choose, kept_in=kept_in)
    except (MlopsError, OSError):
        return ()
    return tuple(line.removeprefix(_TOLD) for line in settled.said if line.startswith(_TOLD))


def notebooks_with_outputs(repo: Repository) -> list[str]:
    """Return the notebooks in Git's index that carry outputs or counts, sorted."""
    blobs = {path: oid for path, oid in list_index(repo, _PATTERN).items() if oid is not None}
    if not blobs:
        return []
    settings = resolve_settings(*read_nbstripout_settings(repo))
    with open_blob_reader(repo) as reader:
        contents = zip(blobs, reader.read_many(blobs.values()), strict=True)
        return [path for path, content in contents if carries_outputs(content, settings)]


def notebooks_in_conflict(
    repo: Repository, commit: str | None = None
) -> dict[str, list[CellPlace]]:
    """Return the cells in which marks of a conflict stand, by notebook.

    Looked at is the commit of that id or reference, or Git's index, without what Git itself knows
    to be in conflict.
    """
    paths = list_holding(repo, MARK_BEGIN, _PATTERN, commit=commit)
    if not paths:
        return {}
    oids: dict[str, str | None] = list_index(repo, _PATTERN)
    if commit is not None:
        oids = {path: entry.oid for path, entry in open_tree(repo, commit).entries.items()}
    blobs = {path: oid for path in paths if (oid := oids.get(path)) is not None}
    with open_blob_reader(repo) as reader:
        contents = zip(blobs, reader.read_many(blobs.values()), strict=True)
        found = {path: find_marked(content) for path, content in contents}
    return {path: cells for path, cells in found.items() if cells}
